#pragma once

#include "foundation.h"

@interface SMBuffer : SMLabelled {
  @public
    char* bytes;
    NSUInteger length;
    NSUInteger options;
    char* mapping; // ours, with the guard pages; null when the memory is the caller's
    size_t mapping_bytes;
}
// Memory that faults right before its first page and right after its last 16 bytes; junk at first.
+ (id)withLength:(NSUInteger)length options:(NSUInteger)options;
+ (id)aroundBytes:(void*)bytes length:(NSUInteger)length options:(NSUInteger)options;
- (void*)contents;
- (NSUInteger)length;
@end

// Metal orders no work on it: MTLResourceHazardTrackingModeUntracked among its options.
bool softmetal_is_untracked(const SMBuffer* buffer);

NSUInteger softmetal_allocated_bytes(void);
NSUInteger softmetal_max_buffer_length(void);
