#include "buffer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }
static size_t whole_pages(size_t n) { return (n + page_bytes() - 1) / page_bytes() * page_bytes(); }

static NSUInteger allocated;
NSUInteger softmetal_allocated_bytes(void) { return __atomic_load_n(&allocated, __ATOMIC_RELAXED); }

bool softmetal_is_untracked(const SMBuffer* buffer) { return (buffer->options >> 8 & 3) == 1; }

// SOFTMETAL_MAX_BUFFER: bytes, so that a test can make a host split what it would not otherwise.
NSUInteger softmetal_max_buffer_length(void) {
    return strtoul(softmetal_switch("SOFTMETAL_MAX_BUFFER", "17179869184"), NULL, 10);
}

// Metal leaves fresh memory undefined. This pattern is NaN as float, half and bfloat, and a wild index as an integer:
// whoever relies on zeros finds out. SOFTMETAL_POISON=0 leaves zeros.
static void fill_with_junk(char* bytes, size_t length) {
    if (*softmetal_switch("SOFTMETAL_POISON", "1") == '0') return;
    static const uint16_t junk = 0x7fc1;
    for (size_t i = 0; i + 1 < length; i += 2) memcpy(bytes + i, &junk, 2);
    if (length % 2) bytes[length - 1] = (char)junk;
}

// Released memory stays unmapped for a while, so that a late access faults instead of finding another buffer's data.
enum { kept_mappings = 1024 };
static struct {
    char* address;
    size_t bytes;
} kept[kept_mappings];
static unsigned long kept_count;

static void retire(char* address, size_t bytes) {
    // A fresh reservation over the old pages gives their memory back at once.
    mmap(address, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    unsigned long place = kept_count++ % kept_mappings;
    if (kept[place].address) munmap(kept[place].address, kept[place].bytes);
    kept[place].address = address;
    kept[place].bytes = bytes;
}

@implementation SMBuffer
+ (id)withLength:(NSUInteger)length options:(NSUInteger)options {
    MUST(length > 0, "newBufferWithLength: 0 bytes");
    if (length > softmetal_max_buffer_length()) return nil;
    size_t pages = whole_pages(length), guard = page_bytes();
    char* mapping =
        mmap(NULL, pages + 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED || mprotect(mapping + guard, pages, PROT_READ | PROT_WRITE) != 0) return nil;
    SMBuffer* buffer = [self new];
    buffer->mapping = mapping;
    buffer->mapping_bytes = pages + 2 * guard;
    buffer->bytes = mapping + guard + pages - (length + 15) / 16 * 16;
    buffer->length = length;
    buffer->options = options;
    fill_with_junk(buffer->bytes, length);
    __atomic_fetch_add(&allocated, pages, __ATOMIC_RELAXED);
    return buffer;
}
+ (id)aroundBytes:(void*)bytes length:(NSUInteger)length options:(NSUInteger)options {
    MUST((uintptr_t)bytes % page_bytes() == 0, "newBufferWithBytesNoCopy: address %p is not page-aligned", bytes);
    MUST(length > 0 && length % page_bytes() == 0, "newBufferWithBytesNoCopy: %lu bytes are not whole pages", length);
    if (length > softmetal_max_buffer_length()) return nil;
    SMBuffer* buffer = [self new];
    buffer->bytes = bytes;
    buffer->length = length;
    buffer->options = options;
    __atomic_fetch_add(&allocated, length, __ATOMIC_RELAXED);
    return buffer;
}
- (void*)contents {
    return bytes;
}
- (NSUInteger)length {
    return length;
}
- (NSUInteger)allocatedSize {
    return whole_pages(length);
}
- (NSUInteger)gpuAddress {
    return (NSUInteger)bytes;
}
- (NSUInteger)resourceOptions {
    return options;
}
- (NSUInteger)storageMode {
    return options >> 4 & 15;
}
- (void)didModifyRange:(NSRange)range {
    MUST(range.location + range.length <= length, "didModifyRange: past the buffer's end");
}
- (void)dealloc {
    __atomic_fetch_sub(&allocated, whole_pages(length), __ATOMIC_RELAXED);
    if (mapping) retire(mapping, mapping_bytes);
    [super dealloc];
}
@end
