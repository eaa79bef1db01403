// The device, residency sets, and the C functions that give a host its first object.
#include "commands.h"

#include <stdlib.h>

@interface MTLResidencySetDescriptor : SMLabelled {
    NSUInteger initialCapacity;
}
@end
@implementation MTLResidencySetDescriptor
- (void)setInitialCapacity:(NSUInteger)capacity {
    initialCapacity = capacity;
}
- (NSUInteger)initialCapacity {
    return initialCapacity;
}
@end

// All memory is resident here; what is checked is the order of calls.
@interface SMResidencySet : SMLabelled {
    NSUInteger allocations;
    bool uncommitted;
}
@end
@implementation SMResidencySet
- (void)addAllocation:(id)allocation {
    MUST(allocation && !softmetal_is_released(allocation), "addAllocation: nil or released");
    allocations++;
    uncommitted = true;
}
- (void)addAllocations:(const id*)added count:(NSUInteger)count {
    for (NSUInteger i = 0; i < count; i++) [self addAllocation:added[i]];
}
- (void)removeAllocation:(id)allocation {
    MUST(allocations > 0, "removeAllocation: from an empty residency set");
    allocations--;
    uncommitted = true;
}
- (void)removeAllAllocations {
    allocations = 0;
    uncommitted = true;
}
- (NSUInteger)allocationCount {
    return allocations;
}
- (void)commit {
    uncommitted = false;
}
- (void)requestResidency {
    MUST(!uncommitted, "requestResidency: commit the residency set first");
}
- (void)endResidency {
}
@end

@implementation SMFence
@end

@interface SMDevice : NSObject
@end
@implementation SMDevice
- (NSString*)name {
    return [NSString stringWithUTF8String:"software Metal"];
}
- (NSUInteger)registryID {
    return 1;
}
- (BOOL)hasUnifiedMemory {
    return 1;
}
- (BOOL)isLowPower {
    return 0;
}
- (BOOL)supportsFamily:(NSInteger)family { // Apple1 to Apple9, Mac2, Common1 to 3, Metal3
    return (family >= 1001 && family <= 1009) || family == 2002 || (family >= 3001 && family <= 3003) || family == 5001;
}
- (NSUInteger)maxThreadgroupMemoryLength {
    return SM_THREADGROUP_BYTES;
}
- (MTLSize)maxThreadsPerThreadgroup {
    return (MTLSize){SM_MAX_THREADS, SM_MAX_THREADS, SM_MAX_THREADS};
}
- (NSUInteger)maxBufferLength {
    return softmetal_max_buffer_length();
}
- (NSUInteger)recommendedMaxWorkingSetSize { // SOFTMETAL_WORKING_SET: bytes
    return strtoul(softmetal_switch("SOFTMETAL_WORKING_SET", "17179869184"), NULL, 10);
}
- (NSUInteger)currentAllocatedSize {
    return softmetal_allocated_bytes();
}
- (id)newCommandQueue {
    return [SMCommandQueue ofDevice:self limit:64];
}
- (id)newCommandQueueWithMaxCommandBufferCount:(NSUInteger)limit {
    return [SMCommandQueue ofDevice:self limit:limit];
}
- (id)newBufferWithLength:(NSUInteger)length options:(NSUInteger)options {
    return [SMBuffer withLength:length options:options];
}
- (id)newBufferWithBytes:(const void*)bytes length:(NSUInteger)length options:(NSUInteger)options {
    SMBuffer* buffer = [SMBuffer withLength:length options:options];
    if (buffer) __builtin_memcpy(buffer->bytes, bytes, length);
    return buffer;
}
- (id)newBufferWithBytesNoCopy:(void*)bytes
                        length:(NSUInteger)length
                       options:(NSUInteger)options
                   deallocator:(id)deallocator {
    MUST(!deallocator, "newBufferWithBytesNoCopy: deallocator blocks are not supported");
    return [SMBuffer aroundBytes:bytes length:length options:options];
}
- (id)newLibraryWithSource:(NSString*)source options:(MTLCompileOptions*)options error:(NSError**)error {
    MUST(source, "newLibraryWithSource: nil");
    return [SMLibrary withSource:source options:options error:error];
}
- (id)newComputePipelineStateWithFunction:(SMFunction*)function error:(NSError**)error {
    return [SMComputePipelineState withFunction:function];
}
- (id)newComputePipelineStateWithDescriptor:(MTLComputePipelineDescriptor*)descriptor
                                    options:(NSUInteger)options
                                 reflection:(void**)reflection
                                      error:(NSError**)error {
    SMComputePipelineState* pipeline = [SMComputePipelineState withFunction:descriptor->function];
    if (descriptor->maxThreads && descriptor->maxThreads < pipeline->maxThreads)
        pipeline->maxThreads = descriptor->maxThreads;
    [pipeline setLabel:[descriptor label]];
    return pipeline;
}
- (id)newFence {
    return [SMFence new];
}
- (id)newResidencySetWithDescriptor:(MTLResidencySetDescriptor*)descriptor error:(NSError**)error {
    MUST(descriptor, "newResidencySetWithDescriptor: nil");
    SMResidencySet* set = [SMResidencySet new];
    [set setLabel:[descriptor label]];
    return set;
}
@end

static id the_device;

// Each call gives the caller a reference to the one device.
id MTLCreateSystemDefaultDevice(void) {
    if (!the_device) the_device = [SMDevice new];
    return [the_device retain];
}

id MTLCopyAllDevices(void) {
    id device = MTLCreateSystemDefaultDevice();
    NSArray* all = [[NSArray alloc] init];
    all->objects = calloc(1, sizeof(id));
    all->objects[0] = device;
    all->count = 1;
    return all;
}
