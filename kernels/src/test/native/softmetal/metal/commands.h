// Command queues, command buffers and encoders, and what an encoder records for them to run.
#pragma once

#include "../emulator/dispatch.h"
#include "buffer.h"
#include "library.h"
#include "passes.h"

// What a buffer index is bound to: a buffer from an offset, or bytes that were copied.
struct binding {
    SMBuffer* buffer;
    NSUInteger offset;
    char* bytes;
    NSUInteger byte_count;
};

struct recorded_dispatch {
    struct recorded_dispatch* next;
    SMComputePipelineState* pipeline;
    struct binding bindings[SM_MAX_BUFFERS];
    unsigned threadgroup_bytes[SM_MAX_THREADGROUP_ARGUMENTS];
    unsigned group_size[3], threads[3];
    unsigned phase; // dispatches of one phase may run in any order, or at once
    bool retains;   // what it uses
};

char* softmetal_bound_address(const struct binding* binding);
NSUInteger softmetal_bound_bytes(const struct binding* binding);
// Runs a command buffer's dispatches; false with a reason when one of them fails.
bool softmetal_run_dispatches(const struct recorded_dispatch* first, char* error, int error_size);
void softmetal_free_dispatches(struct recorded_dispatch* first);

enum { status_not_enqueued = 0, status_enqueued = 1, status_committed = 2, status_completed = 4, status_error = 5 };

enum { max_passes = 64 };

@class SMComputeCommandEncoder, SMCommandQueue;

@interface SMFence : SMLabelled
@end

@interface SMCommandBuffer : SMLabelled {
  @public
    SMCommandQueue* queue;
    SMCommandBuffer* previous; // committed before this one on the same queue, and perhaps still to run
    struct recorded_dispatch *first, *last;
    struct pass* passes[max_passes]; // one an encoder
    int pass_count;
    unsigned phase;
    int status;
    bool encoding, retains;
    NSError* error;
    double start, end;
    void* handler; // a block
}
- (void)waitUntilCompleted;
@end

@interface SMComputeCommandEncoder : SMLabelled {
  @public
    SMCommandBuffer* commands;
    struct recorded_dispatch state; // pipeline, bindings and threadgroup memory of the next dispatch
    struct pass* pass; // its command buffer's
    bool concurrent, ended;
}
@end

@interface SMCommandQueue : SMLabelled {
  @public
    id device;
    NSUInteger limit, outstanding; // command buffers that are made and not yet done with
    SMCommandBuffer* tail; // committed last, still to run
    struct pass* passes;   // committed and not yet completed
}
+ (id)ofDevice:(id)device limit:(NSUInteger)limit;
@end

void softmetal_command_buffer_done(SMCommandQueue* queue);
