// A host program in Objective-C: one scenario a run, named by its argument. Those that misuse the API must end the
// process with a message; the others check what they did and end with status 0. MetalClassesTest runs them all.
#include "metal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { serial = 0, concurrent = 1, buffers = 1, count = 64, type_int = 29, type_float = 3, untracked = 0x100 };

static const char source[] =
    "#include <metal_stdlib>\n"
    "using namespace metal;\n"
    "constant int increment [[function_constant(0)]];\n"
    "kernel void add(device float* x [[buffer(0)]], constant float& c [[buffer(1)]],\n"
    "                uint i [[thread_position_in_grid]]) { x[i] += c; }\n"
    "kernel void copy(device const float* from [[buffer(0)]], device float* to [[buffer(1)]],\n"
    "                 uint i [[thread_position_in_grid]]) { to[i] = from[i]; }\n"
    "kernel void steps(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {\n"
    "    x[i] += float(increment);\n"
    "}\n"
    "kernel void total(device float* x [[buffer(0)]], threadgroup float* part [[threadgroup(0)]],\n"
    "                  uint i [[thread_index_in_threadgroup]]) {\n"
    "    part[i] = x[i];\n"
    "    threadgroup_barrier(mem_flags::mem_threadgroup);\n"
    "    if (i == 0) { float s = 0.0f; for (int k = 0; k < 32; k++) s += part[k]; x[0] = s; }\n"
    "}\n"
    "kernel void diverge(device float* x [[buffer(0)]], uint i [[thread_index_in_threadgroup]]) {\n"
    "    if (i < 7) threadgroup_barrier(mem_flags::mem_threadgroup);\n"
    "    x[i] = 1.0f;\n"
    "}\n"
    "[[max_total_threads_per_threadgroup(64)]]\n"
    "kernel void small(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) { x[i] = 1.0f; }\n";

// Sent as by a host: gcc's runtime has no objc_msgSend, and clang calls the lookup alone. The build wraps it.
IMP softmetal_method(id self, SEL selector);
IMP __wrap_objc_msg_lookup(id self, SEL selector) { return softmetal_method(self, selector); }

static id device, queue, library;
static void* pool;

static void expect(bool condition, const char* what) {
    if (condition) return;
    fprintf(stderr, "expected: %s\n", what);
    exit(1);
}

static id string(const char* text) { return [NSString stringWithUTF8String:text]; }

static void start(void) {
    pool = objc_autoreleasePoolPush();
    device = MTLCreateSystemDefaultDevice();
    queue = [device newCommandQueue];
    id error = nil;
    library = [device newLibraryWithSource:string(source) options:nil error:&error];
    if (!library) fprintf(stderr, "%s\n", [[error localizedDescription] UTF8String]);
    expect(library != nil, "the test kernels compile");
}

static id pipeline(const char* name) {
    id function = [library newFunctionWithName:string(name)];
    expect(function != nil, name);
    id made = [device newComputePipelineStateWithFunction:function error:NULL];
    [function release];
    return made;
}

static id zeros(NSUInteger options) {
    id buffer = [device newBufferWithLength:count * sizeof(float) options:options];
    memset([buffer contents], 0, count * sizeof(float));
    return buffer;
}
static float first(id buffer) { return *(float*)[buffer contents]; }

static void encode_add(id encoder, id add, id x, float value) {
    [encoder setComputePipelineState:add];
    [encoder setBuffer:x offset:0 atIndex:0];
    [encoder setBytes:&value length:sizeof value atIndex:1];
    [encoder dispatchThreads:(MTLSize){count, 1, 1} threadsPerThreadgroup:(MTLSize){32, 1, 1}];
}
static void encode_copy(id encoder, id copy, id from, id to) {
    [encoder setComputePipelineState:copy];
    [encoder setBuffer:from offset:0 atIndex:0];
    [encoder setBuffer:to offset:0 atIndex:1];
    [encoder dispatchThreads:(MTLSize){count, 1, 1} threadsPerThreadgroup:(MTLSize){32, 1, 1}];
}
static id encoder_of(id commands) { return [commands computeCommandEncoderWithDispatchType:concurrent]; }
static void finish(id commands, id encoder) {
    [encoder endEncoding];
    [commands commit];
    [commands waitUntilCompleted];
}
// What an asynchronous host does wrong, all with the same two objects.
static id commands, encoder, x;
static void start_encoder(void) {
    start();
    x = zeros(0);
    [x setLabel:string("x")];
    commands = [queue commandBuffer];
    encoder = encoder_of(commands);
}

// ---- what works ----

static void add_runs(void) {
    start_encoder();
    encode_add(encoder, pipeline("add"), x, 2.0f);
    finish(commands, encoder);
    expect([commands status] == 4 && first(x) == 2.0f, "x is 2");
    expect([commands GPUEndTime] >= [commands GPUStartTime] && [commands GPUStartTime] > 0, "times");
}
// setBytes takes its bytes at once, and a later setBytes does not reach an earlier dispatch.
static void bytes_are_copied(void) {
    start_encoder();
    id add = pipeline("add");
    encode_add(encoder, add, x, 2.0f);
    [encoder memoryBarrierWithScope:buffers];
    encode_add(encoder, add, x, 40.0f);
    finish(commands, encoder);
    expect(first(x) == 42.0f, "x is 42");
}
static void runs_when_waited_for(void) {
    start_encoder();
    encode_add(encoder, pipeline("add"), x, 2.0f);
    [encoder endEncoding];
    [commands commit];
    expect(first(x) == 0.0f && [commands status] == 2, "nothing has run");
    [commands waitUntilCompleted];
    expect(first(x) == 2.0f, "it has run");
}
static void everything_is_released(void) {
    long before = softmetal_live();
    start_encoder();
    id add = pipeline("add");
    encode_add(encoder, add, x, 1.0f);
    finish(commands, encoder);
    expect(softmetal_live_of("Buffer") == 1 && softmetal_live_of("CommandBuffer") == 1, "live objects are counted");
    [add release];
    [x release];
    [library release];
    [queue release];
    [device release];
    objc_autoreleasePoolPop(pool);
    char alive[256];
    softmetal_describe_live(alive, sizeof alive);
    fprintf(stderr, "alive: %s\n", alive);
    // The device itself stays, as the system's does.
    expect(softmetal_live() - before == 1 && softmetal_live_of("Device") == 1, "all but the device is released");
    expect(softmetal_live_of("AutoreleasePool") == 0, "no pool is left");
}
static void many_command_buffers(void) {
    start_encoder();
    [encoder endEncoding];
    id add = pipeline("add");
    for (int i = 0; i < 200; i++) { // never waits: the queue runs the oldest when too many are outstanding
        void* step = objc_autoreleasePoolPush();
        id next = [queue commandBuffer];
        id e = encoder_of(next);
        encode_add(e, add, x, 1.0f);
        [e endEncoding];
        [next commit];
        if (i == 199) [next waitUntilCompleted];
        objc_autoreleasePoolPop(step);
    }
    expect(first(x) == 200.0f, "200 steps ran");
}
static void constants_are_set(void) {
    start_encoder();
    id values = [objc_getClass("MTLFunctionConstantValues") new], error = nil;
    expect([library newFunctionWithName:string("steps") constantValues:values error:&error] == nil, "step is needed");
    fprintf(stderr, "%s\n", [[error localizedDescription] UTF8String]);
    float wrong = 1.0f;
    [values setConstantValue:&wrong type:type_float atIndex:0];
    expect([library newFunctionWithName:string("steps") constantValues:values error:&error] == nil, "its type matters");
    fprintf(stderr, "%s\n", [[error localizedDescription] UTF8String]);
    for (int step = 5; step <= 7; step += 2) {
        [values setConstantValue:&step type:type_int atIndex:0];
        id f = [library newFunctionWithName:string("steps") constantValues:values error:&error];
        [encoder setComputePipelineState:[device newComputePipelineStateWithFunction:f error:NULL]];
        [encoder setBuffer:x offset:0 atIndex:0];
        [encoder dispatchThreads:(MTLSize){count, 1, 1} threadsPerThreadgroup:(MTLSize){32, 1, 1}];
        [encoder memoryBarrierWithScope:buffers];
    }
    finish(commands, encoder);
    expect(first(x) == 12.0f, "each pipeline has its own constants");
}
// Input and output in one buffer, and, at an offset, overlapping: what one writes the other is.
static void in_place(void) {
    start_encoder();
    float* values = [x contents];
    for (int i = 0; i < count; i++) values[i] = (float)i;
    [encoder setComputePipelineState:pipeline("copy")];
    [encoder setBuffer:x offset:128 atIndex:0];
    [encoder setBuffer:x offset:0 atIndex:1];
    [encoder dispatchThreads:(MTLSize){32, 1, 1} threadsPerThreadgroup:(MTLSize){32, 1, 1}];
    finish(commands, encoder);
    expect([commands status] == 4 && values[0] == 32.0f && values[31] == 63.0f && values[32] == 32.0f, "moved down");
}
static void errors_are_reported(void) {
    start_encoder();
    [encoder setComputePipelineState:pipeline("diverge")];
    [encoder setBuffer:x offset:0 atIndex:0];
    [encoder dispatchThreads:(MTLSize){32, 1, 1} threadsPerThreadgroup:(MTLSize){32, 1, 1}];
    finish(commands, encoder);
    expect([commands status] == 5, "status 5");
    fprintf(stderr, "%s\n", [[[commands error] localizedDescription] UTF8String]);
    id error = nil;
    expect(![device newLibraryWithSource:string("kernel void f() { nonsense; }") options:nil error:&error], "refused");
    fprintf(stderr, "%s\n", [[error localizedDescription] UTF8String]);
}
static void fresh_memory_is_junk(void) {
    start();
    id buffer = [device newBufferWithLength:10 options:0];
    expect(*(unsigned short*)[buffer contents] == 0x7fc1, "NaN in every type");
    expect([device currentAllocatedSize] > 0, "allocations are counted");
}
static void residency_sets(void) {
    start();
    id descriptor = [objc_getClass("MTLResidencySetDescriptor") new];
    id set = [device newResidencySetWithDescriptor:descriptor error:NULL];
    [set addAllocation:zeros(0)];
    [set commit];
    [set requestResidency];
}
static void no_copy(void) {
    start_encoder();
    float* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    id wrapped = [device newBufferWithBytesNoCopy:page length:4096 options:0 deallocator:nil];
    expect([wrapped contents] == page, "the same memory");
    encode_add(encoder, pipeline("add"), wrapped, 3.0f);
    finish(commands, encoder);
    expect(page[0] == 3.0f, "written in place");
    [wrapped release];
    expect(page[1] == 3.0f, "still the caller's");
}
static void devices(void) {
    start();
    id all = MTLCopyAllDevices();
    expect([all count] == 1 && [all objectAtIndex:0] == device, "one device");
    expect([pipeline("small") maxTotalThreadsPerThreadgroup] == 64, "a kernel's own limit");
    Method method = class_getInstanceMethod(object_getClass(device), sel_registerName("newBufferWithLength:options:"));
    expect(strcmp(method_getTypeEncoding(method), "@32@0:8Q16Q24") == 0, "type encodings as Apple writes them");
}
// Two adds to x without a barrier commute; a copy from x and an add to it do not.
static void without_a_barrier(bool barrier) {
    start_encoder();
    id y = zeros(0);
    [y setLabel:string("y")];
    encode_add(encoder, pipeline("add"), x, 1.0f);
    if (barrier) [encoder memoryBarrierWithScope:buffers];
    encode_copy(encoder, pipeline("copy"), x, y);
    finish(commands, encoder);
    if ([commands status] == 5) fprintf(stderr, "%s\n", [[[commands error] localizedDescription] UTF8String]);
    else fprintf(stderr, "y is %g\n", first(y));
}
static void barrier_missing(void) { without_a_barrier(false); }
static void barrier_there(void) { without_a_barrier(true); }
// Two command buffers on one untracked buffer, the second committed before the first has been waited for.
static void two_steps(NSUInteger options, id fence) {
    x = zeros(options);
    [x setLabel:string("x")];
    id add = pipeline("add");
    for (int step = 0; step < 2; step++) {
        commands = [queue commandBuffer];
        encoder = encoder_of(commands);
        if (fence) [encoder waitForFence:fence];
        encode_add(encoder, add, x, 1.0f);
        if (fence) [encoder updateFence:fence];
        [encoder endEncoding];
        [commands commit];
    }
    [commands waitUntilCompleted];
    expect(first(x) == 2.0f, "both ran");
}
static void tracked_steps(void) { start(), two_steps(0, nil); }
static void fenced_steps(void) { start(), two_steps(untracked, [device newFence]); }

// ---- misuse ----

static void unordered_steps(void) { start(), two_steps(untracked, nil); }
static void unknown_selector(void) { start_encoder(), [encoder noSuchMessage]; }
static void unbound_buffer(void) {
    start_encoder();
    [encoder setComputePipelineState:pipeline("add")];
    [encoder setBuffer:x offset:0 atIndex:0];
    [encoder dispatchThreads:(MTLSize){count, 1, 1} threadsPerThreadgroup:(MTLSize){32, 1, 1}];
}
static void no_threadgroup_memory(void) {
    start_encoder();
    [encoder setComputePipelineState:pipeline("total")];
    [encoder setBuffer:x offset:0 atIndex:0];
    [encoder dispatchThreads:(MTLSize){32, 1, 1} threadsPerThreadgroup:(MTLSize){32, 1, 1}];
}
static void odd_threadgroup_memory(void) { start_encoder(), [encoder setThreadgroupMemoryLength:20 atIndex:0]; }
static void no_pipeline(void) {
    start_encoder();
    [encoder dispatchThreads:(MTLSize){32, 1, 1} threadsPerThreadgroup:(MTLSize){32, 1, 1}];
}
static void dispatch_of(const char* kernel, MTLSize groups, MTLSize size) {
    start_encoder();
    [encoder setComputePipelineState:pipeline(kernel)];
    [encoder setBuffer:x offset:0 atIndex:0];
    float one = 1.0f;
    [encoder setBytes:&one length:4 atIndex:1];
    [encoder dispatchThreadgroups:groups threadsPerThreadgroup:size];
}
static void too_many_threads(void) { dispatch_of("add", (MTLSize){1, 1, 1}, (MTLSize){1024, 2, 1}); }
static void above_the_kernels_limit(void) { dispatch_of("small", (MTLSize){1, 1, 1}, (MTLSize){128, 1, 1}); }
static void empty_grid(void) { dispatch_of("add", (MTLSize){0, 1, 1}, (MTLSize){32, 1, 1}); }
static void too_many_bytes(void) {
    start_encoder();
    static char block[5000];
    [encoder setBytes:block length:sizeof block atIndex:1];
}
static void offset_past_the_end(void) { start_encoder(), [encoder setBuffer:x offset:count * 4 atIndex:0]; }
static void index_too_high(void) { start_encoder(), [encoder setBuffer:x offset:0 atIndex:31]; }
static void released_buffer(void) {
    start_encoder();
    [x release];
    encode_add(encoder, pipeline("add"), x, 1.0f);
}
static void open_encoder(void) { start_encoder(), [commands commit]; }
static void second_encoder(void) { start_encoder(), encoder_of(commands); }
static void abandoned_encoder(void) { start_encoder(), objc_autoreleasePoolPop(pool); }
static void ended_encoder(void) {
    start_encoder();
    [encoder endEncoding];
    [encoder setBuffer:x offset:0 atIndex:0];
}
static void committed_twice(void) {
    start_encoder();
    [encoder endEncoding];
    [commands commit];
    [commands commit];
}
static void wait_before_commit(void) { start_encoder(), [encoder endEncoding], [commands waitUntilCompleted]; }
static void released_twice(void) { start(), [queue release], [queue release]; }
static void no_pool(void) { start(), objc_autoreleasePoolPop(pool), [queue commandBuffer]; }
static void popped_twice(void) { start(), objc_autoreleasePoolPop(pool), objc_autoreleasePoolPop(pool); }
static void never_drained(void) {
    start();
    for (int i = 0; i < 65; i++) [queue commandBuffer];
}
static void misaligned_no_copy(void) {
    start();
    static char block[8192];
    [device newBufferWithBytesNoCopy:block + 4 length:4096 options:0 deallocator:nil];
}
static void request_before_commit(void) {
    start();
    id set = [device newResidencySetWithDescriptor:[objc_getClass("MTLResidencySetDescriptor") new] error:NULL];
    [set addAllocation:zeros(0)];
    [set requestResidency];
}
static void write_after_release(void) {
    start_encoder();
    float* contents = [x contents];
    [x release];
    contents[0] = 1.0f;
}
static void write_past_the_end(void) { start_encoder(), ((float*)[x contents])[count] = 1.0f; }

#define SCENARIO(name) {#name, name}
static const struct {
    const char* name;
    void (*run)(void);
} scenarios[] = {
    SCENARIO(add_runs), SCENARIO(bytes_are_copied), SCENARIO(runs_when_waited_for), SCENARIO(everything_is_released),
    SCENARIO(many_command_buffers), SCENARIO(constants_are_set), SCENARIO(in_place), SCENARIO(errors_are_reported),
    SCENARIO(fresh_memory_is_junk), SCENARIO(residency_sets), SCENARIO(no_copy), SCENARIO(devices),
    SCENARIO(barrier_missing), SCENARIO(barrier_there), SCENARIO(tracked_steps), SCENARIO(fenced_steps),
    SCENARIO(unordered_steps), SCENARIO(unknown_selector), SCENARIO(unbound_buffer), SCENARIO(no_threadgroup_memory),
    SCENARIO(odd_threadgroup_memory), SCENARIO(no_pipeline), SCENARIO(too_many_threads),
    SCENARIO(above_the_kernels_limit), SCENARIO(empty_grid), SCENARIO(too_many_bytes), SCENARIO(offset_past_the_end),
    SCENARIO(index_too_high), SCENARIO(released_buffer), SCENARIO(open_encoder), SCENARIO(second_encoder),
    SCENARIO(abandoned_encoder), SCENARIO(ended_encoder), SCENARIO(committed_twice), SCENARIO(wait_before_commit),
    SCENARIO(released_twice), SCENARIO(no_pool), SCENARIO(popped_twice), SCENARIO(never_drained),
    SCENARIO(misaligned_no_copy), SCENARIO(request_before_commit), SCENARIO(write_after_release),
    SCENARIO(write_past_the_end),
};

int main(int argument_count, char** arguments) {
    for (size_t i = 0; argument_count == 2 && i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(scenarios[i].name, arguments[1]) != 0) continue;
        scenarios[i].run();
        return 0;
    }
    fprintf(stderr, "no such scenario\n");
    return 2;
}
