// Command queues and buffers. Committed work runs when waitUntilCompleted is called, on the calling thread, and not
// before: a missing wait, or memory changed too early, then gives a wrong result instead of luck.
// SOFTMETAL_EAGER=1 runs it at commit.
#include "commands.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER; // there is one device, and it runs one thing at a time

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

@implementation SMCommandBuffer
- (id)encoder:(BOOL)concurrent {
    MUST(status <= status_enqueued, "an encoder of a committed command buffer");
    MUST(!encoding, "a second encoder while one of this command buffer is still open");
    encoding = true;
    SMComputeCommandEncoder* encoder = [SMComputeCommandEncoder new];
    encoder->commands = self;
    encoder->concurrent = concurrent;
    MUST(pass_count < max_passes, "%d encoders in one command buffer", max_passes);
    encoder->pass = passes[pass_count++] = softmetal_new_pass(self);
    return [encoder autorelease];
}
- (id)computeCommandEncoder {
    return [self encoder:NO];
}
- (id)computeCommandEncoderWithDispatchType:(NSUInteger)type {
    MUST(type <= 1, "dispatch type %lu: 0 is serial, 1 concurrent", type);
    return [self encoder:type == 1];
}
- (void)enqueue {
    MUST(status == status_not_enqueued, "enqueue: the command buffer is enqueued already");
    status = status_enqueued;
}
- (void)commit {
    MUST(status <= status_enqueued, "the command buffer is committed twice");
    MUST(!encoding, "commit before endEncoding");
    status = status_committed;
    pthread_mutex_lock(&device_lock);
    previous = queue->tail; // and its reference with it
    queue->tail = [self retain];
    for (int i = 0; i < pass_count; i++) softmetal_order_pass(&queue->passes, passes[i]);
    pthread_mutex_unlock(&device_lock);
    if (*softmetal_switch("SOFTMETAL_EAGER", "0") == '1') [self waitUntilCompleted];
}
- (void)runLocked {
    if (status >= status_completed) return;
    [previous runLocked];
    [previous release];
    previous = nil;
    char text[8192];
    start = now();
    bool ran = softmetal_run_dispatches(first, text, sizeof text);
    end = now();
    if (!ran) error = [[NSError errorWithText:text] retain];
    softmetal_free_dispatches(first); // as Metal does: what the work used is let go when it is done
    first = last = NULL;
    status = ran ? status_completed : status_error;
    softmetal_finish_passes(&queue->passes, self);
    softmetal_command_buffer_done(queue);
    if (queue->tail == self) { // the queue remembers only what is still to run
        queue->tail = nil;
        [self autorelease];
    }
    if (handler) ((void (*)(void*, id))((void**)handler)[2])(handler, self);
}
- (void)waitUntilCompleted {
    MUST(status >= status_committed, "waitUntilCompleted before commit: it would never return");
    pthread_mutex_lock(&device_lock);
    void* pool = objc_autoreleasePoolPush();
    [self runLocked];
    objc_autoreleasePoolPop(pool);
    pthread_mutex_unlock(&device_lock);
}
- (void)waitUntilScheduled {
    MUST(status >= status_committed, "waitUntilScheduled before commit: it would never return");
}
- (void)addCompletedHandler:(void*)block {
    MUST(status <= status_enqueued, "addCompletedHandler: after commit");
    handler = block;
}
- (NSUInteger)status {
    return (NSUInteger)status;
}
- (NSError*)error {
    return error;
}
- (double)GPUStartTime {
    return start;
}
- (double)GPUEndTime {
    return end;
}
- (double)kernelStartTime {
    return start;
}
- (double)kernelEndTime {
    return end;
}
- (void)useResidencySet:(id)set {
    MUST(set, "useResidencySet: nil");
}
- (void)pushDebugGroup:(NSString*)text {
}
- (void)popDebugGroup {
}
- (void)dealloc {
    if (status < status_completed) {
        MUST(status < status_committed, "a committed command buffer was released more often than it was retained");
        softmetal_free_dispatches(first);
        for (int i = 0; i < pass_count; i++) softmetal_free_pass(passes[i]);
        softmetal_command_buffer_done(queue);
    }
    [previous release];
    [error release];
    [queue release];
    [super dealloc];
}
@end

void softmetal_command_buffer_done(SMCommandQueue* queue) {
    __atomic_fetch_sub(&queue->outstanding, 1, __ATOMIC_ACQ_REL);
}

@implementation SMCommandQueue
+ (id)ofDevice:(id)device limit:(NSUInteger)limit {
    MUST(limit > 0, "newCommandQueueWithMaxCommandBufferCount: 0");
    SMCommandQueue* queue = [self new];
    queue->device = device;
    queue->limit = limit;
    return queue;
}
- (id)device {
    return device;
}
// Metal blocks here when too many are outstanding, until the GPU has finished one. Here it runs them; and when there is
// none to run, because they were made and never committed, says that Metal would block for ever.
- (void)makeRoom {
    if (__atomic_load_n(&outstanding, __ATOMIC_ACQUIRE) < limit) return;
    if (tail) [tail waitUntilCompleted];
    MUST(outstanding < limit, "%lu command buffers outstanding and none of them committed: Metal would block here for "
         "ever. Pop an autorelease pool a step, and commit every command buffer", limit);
}
- (id)commandBufferRetaining:(BOOL)retains {
    [self makeRoom];
    __atomic_fetch_add(&outstanding, 1, __ATOMIC_ACQ_REL);
    SMCommandBuffer* buffer = [SMCommandBuffer new];
    buffer->queue = [self retain];
    buffer->retains = retains;
    return [buffer autorelease];
}
- (id)commandBuffer {
    return [self commandBufferRetaining:YES];
}
- (id)commandBufferWithUnretainedReferences {
    return [self commandBufferRetaining:NO];
}
- (void)addResidencySet:(id)set {
    MUST(set, "addResidencySet: nil");
}
- (void)removeResidencySet:(id)set {
}
- (void)dealloc {
    [tail release];
    [super dealloc];
}
@end
