// Metal as a host program sees it, for tests/metal.m.
#pragma once

#include "../metal/foundation.h"

// Of whatever class: the messages are what is tested.
@interface NSObject (Metal)
- (id)name;
- (id)newCommandQueue;
- (id)newCommandQueueWithMaxCommandBufferCount:(NSUInteger)limit;
- (id)newFence;
- (id)newBufferWithLength:(NSUInteger)length options:(NSUInteger)options;
- (id)newBufferWithBytesNoCopy:(void*)bytes length:(NSUInteger)length options:(NSUInteger)options deallocator:(id)block;
- (id)newLibraryWithSource:(id)source options:(id)options error:(id*)error;
- (id)newFunctionWithName:(id)name;
- (id)newFunctionWithName:(id)name constantValues:(id)values error:(id*)error;
- (id)newComputePipelineStateWithFunction:(id)function error:(id*)error;
- (id)newResidencySetWithDescriptor:(id)descriptor error:(id*)error;
- (void)setConstantValue:(const void*)value type:(NSUInteger)type atIndex:(NSUInteger)index;
- (void)setMathMode:(NSInteger)mode;
- (id)commandBuffer;
- (id)computeCommandEncoderWithDispatchType:(NSUInteger)type;
- (void)setComputePipelineState:(id)pipeline;
- (void)setBuffer:(id)buffer offset:(NSUInteger)offset atIndex:(NSUInteger)index;
- (void)setBytes:(const void*)bytes length:(NSUInteger)length atIndex:(NSUInteger)index;
- (void)setThreadgroupMemoryLength:(NSUInteger)length atIndex:(NSUInteger)index;
- (void)dispatchThreads:(MTLSize)threads threadsPerThreadgroup:(MTLSize)size;
- (void)dispatchThreadgroups:(MTLSize)groups threadsPerThreadgroup:(MTLSize)size;
- (void)memoryBarrierWithScope:(NSUInteger)scope;
- (void)waitForFence:(id)fence;
- (void)updateFence:(id)fence;
- (void)endEncoding;
- (void)commit;
- (void)waitUntilCompleted;
- (NSUInteger)status;
- (id)error;
- (id)localizedDescription;
- (const char*)UTF8String;
- (void*)contents;
- (void)addAllocation:(id)allocation;
- (void)requestResidency;
- (void)noSuchMessage;
- (NSUInteger)currentAllocatedSize;
- (NSUInteger)maxTotalThreadsPerThreadgroup;
- (double)GPUStartTime;
- (double)GPUEndTime;
- (void)setLabel:(id)label;
- (NSUInteger)count;
- (id)objectAtIndex:(NSUInteger)index;
@end
id MTLCreateSystemDefaultDevice(void);
id MTLCopyAllDevices(void);
long softmetal_live(void);
long softmetal_live_of(const char* kind);
void softmetal_describe_live(char* text, long byte_size);

