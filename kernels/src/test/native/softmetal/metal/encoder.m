// The compute command encoder: checks what Metal's API validation checks, and records dispatches.
#include "commands.h"

#include <stdlib.h>
#include <string.h>

char* softmetal_bound_address(const struct binding* b) {
    return b->bytes ? b->bytes : b->buffer ? b->buffer->bytes + b->offset : NULL;
}
NSUInteger softmetal_bound_bytes(const struct binding* b) {
    return b->bytes ? b->byte_count : b->buffer ? b->buffer->length - b->offset : 0;
}

static void drop_bytes(struct binding* b) {
    free(b->bytes);
    b->bytes = NULL;
}

void softmetal_free_dispatches(struct recorded_dispatch* d) {
    while (d) {
        struct recorded_dispatch* next = d->next;
        for (int i = 0; i < SM_MAX_BUFFERS; i++) {
            drop_bytes(&d->bindings[i]);
            if (d->retains) [d->bindings[i].buffer release];
        }
        if (d->retains) [d->pipeline release];
        free(d);
        d = next;
    }
}

@implementation SMComputeCommandEncoder
#define OPEN() MUST(!ended, "%s: the encoder has ended", sel_getName(_cmd))
#define AT(index) \
    MUST((index) < SM_MAX_BUFFERS, "%s: index %lu, at most %d", sel_getName(_cmd), index, SM_MAX_BUFFERS - 1)

- (NSUInteger)dispatchType {
    return concurrent;
}
- (void)setComputePipelineState:(SMComputePipelineState*)pipeline {
    OPEN();
    MUST(pipeline, "setComputePipelineState: nil");
    state.pipeline = pipeline;
}
- (void)setBuffer:(SMBuffer*)buffer offset:(NSUInteger)offset atIndex:(NSUInteger)index {
    OPEN();
    AT(index);
    MUST(!softmetal_is_released(buffer), "setBuffer: a released buffer at index %lu", index);
    MUST(!buffer || offset < buffer->length, "setBuffer: offset %lu is past the end of buffer '%s' of %lu bytes",
         offset, [buffer labelText], buffer->length);
    drop_bytes(&state.bindings[index]);
    state.bindings[index] = (struct binding){buffer, offset, NULL, 0};
}
- (void)setBufferOffset:(NSUInteger)offset atIndex:(NSUInteger)index {
    OPEN();
    AT(index);
    [self setBuffer:state.bindings[index].buffer offset:offset atIndex:index];
}
- (void)setBytes:(const void*)bytes length:(NSUInteger)length atIndex:(NSUInteger)index {
    OPEN();
    AT(index);
    MUST(length > 0 && length <= 4096, "setBytes: %lu bytes; 1 to 4096 are allowed", length);
    drop_bytes(&state.bindings[index]);
    char* copy = malloc(length);
    memcpy(copy, bytes, length);
    state.bindings[index] = (struct binding){nil, 0, copy, length};
}
- (void)setThreadgroupMemoryLength:(NSUInteger)length atIndex:(NSUInteger)index {
    OPEN();
    AT(index);
    MUST(length % 16 == 0, "setThreadgroupMemoryLength: %lu is no multiple of 16", length);
    MUST(length <= SM_THREADGROUP_BYTES, "setThreadgroupMemoryLength: %lu bytes, at most %d", length,
         SM_THREADGROUP_BYTES);
    state.threadgroup_bytes[index] = (unsigned)length;
}
- (void)useResource:(id)resource usage:(NSUInteger)usage {
    OPEN();
    MUST(resource, "useResource: nil");
}
- (void)useResources:(const id*)resources count:(NSUInteger)count usage:(NSUInteger)usage {
    OPEN();
}
- (void)memoryBarrierWithScope:(NSUInteger)scope {
    OPEN();
    MUST(scope && scope <= 7, "memoryBarrierWithScope: %lu; 1 is buffers", scope);
    if (scope & 1) commands->phase++;
}
- (void)memoryBarrierWithResources:(const id*)resources count:(NSUInteger)count {
    OPEN();
    commands->phase++;
}
- (void)waitForFence:(SMFence*)fence {
    OPEN();
    MUST(fence, "waitForFence: nil");
    softmetal_pass_waits(pass, fence);
}
- (void)updateFence:(SMFence*)fence {
    OPEN();
    MUST(fence, "updateFence: nil");
    softmetal_pass_updates(pass, fence);
}
- (void)pushDebugGroup:(NSString*)text {
}
- (void)popDebugGroup {
}
- (void)insertDebugSignpost:(NSString*)text {
}

// Everything the kernel takes must be bound, and to something that is still there.
- (void)checkArguments {
    const struct sm_kernel* kernel = state.pipeline->function->kernel;
    unsigned long threadgroup_bytes = 0;
    for (int i = 0; i < kernel->parameter_count; i++) {
        const struct sm_parameter* p = &kernel->parameters[i];
        if (p->role == SM_BUFFER) {
            MUST(softmetal_bound_address(&state.bindings[p->index]), "kernel %s: no buffer bound at index %d ('%s')",
                 kernel->name, p->index, p->name);
            MUST(!softmetal_is_released(state.bindings[p->index].buffer),
                 "kernel %s: the buffer at index %d ('%s') has been released", kernel->name, p->index, p->name);
            if (state.bindings[p->index].buffer)
                softmetal_pass_uses(pass, state.bindings[p->index].buffer, p->writable);
        } else if (p->role == SM_THREADGROUP_MEMORY) {
            unsigned bytes = state.threadgroup_bytes[p->index];
            MUST(bytes, "kernel %s: no threadgroup memory at index %d ('%s')", kernel->name, p->index, p->name);
            threadgroup_bytes += bytes;
        }
    }
    MUST(threadgroup_bytes <= SM_THREADGROUP_BYTES, "kernel %s: %lu bytes of threadgroup memory, at most %d",
         kernel->name, threadgroup_bytes, SM_THREADGROUP_BYTES);
}

- (void)recordThreads:(MTLSize)threads groupSize:(MTLSize)size {
    MUST(state.pipeline, "dispatch without a pipeline");
    MUST(!softmetal_is_released(state.pipeline), "dispatch with a released pipeline");
    const char* name = state.pipeline->function->kernel->name;
    NSUInteger group = size.width * size.height * size.depth, most = [state.pipeline maxTotalThreadsPerThreadgroup];
    MUST(group > 0 && group <= most, "kernel %s: %lu x %lu x %lu threads per threadgroup, at most %lu in all", name,
         size.width, size.height, size.depth, most);
    MUST(threads.width && threads.height && threads.depth, "kernel %s: an empty grid of %lu x %lu x %lu threads", name,
         threads.width, threads.height, threads.depth);
    MUST(threads.width <= 0xffffffffu && threads.height <= 0xffffffffu && threads.depth <= 0xffffffffu,
         "kernel %s: a grid of %lu x %lu x %lu threads", name, threads.width, threads.height, threads.depth);
    [self checkArguments];

    struct recorded_dispatch* d = malloc(sizeof *d);
    *d = state;
    d->next = NULL;
    d->phase = commands->phase;
    d->retains = commands->retains;
    d->group_size[0] = (unsigned)size.width;
    d->group_size[1] = (unsigned)size.height;
    d->group_size[2] = (unsigned)size.depth;
    d->threads[0] = (unsigned)threads.width;
    d->threads[1] = (unsigned)threads.height;
    d->threads[2] = (unsigned)threads.depth;
    if (d->retains) [d->pipeline retain];
    for (int i = 0; i < SM_MAX_BUFFERS; i++) {
        struct binding* b = &d->bindings[i];
        if (b->bytes) b->bytes = memcpy(malloc(b->byte_count), b->bytes, b->byte_count);
        else if (softmetal_is_released(b->buffer)) b->buffer = nil; // bound earlier; this kernel does not take it
        if (d->retains) [b->buffer retain];
    }
    if (commands->last) commands->last->next = d;
    else commands->first = d;
    commands->last = d;
    if (!concurrent) commands->phase++;
}
- (void)dispatchThreadgroups:(MTLSize)groups threadsPerThreadgroup:(MTLSize)size {
    OPEN();
    MTLSize threads = {groups.width * size.width, groups.height * size.height, groups.depth * size.depth};
    [self recordThreads:threads groupSize:size];
}
- (void)dispatchThreads:(MTLSize)threads threadsPerThreadgroup:(MTLSize)size {
    OPEN();
    [self recordThreads:threads groupSize:size];
}
- (void)endEncoding {
    OPEN();
    ended = true;
    commands->encoding = false;
    commands->phase++; // Metal orders encoders that use the same tracked buffers
}
- (void)dealloc {
    MUST(ended, "an encoder was released without endEncoding");
    for (int i = 0; i < SM_MAX_BUFFERS; i++) drop_bytes(&state.bindings[i]);
    [super dealloc];
}
@end
