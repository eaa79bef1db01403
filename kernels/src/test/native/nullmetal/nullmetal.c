/*
 * A Metal that does nothing, to measure what a step costs the host: objc_msgSend answers every selector with a constant
 * as fast as a call can return, so what remains is Java's own work and the downcalls.
 *   cc -O2 -shared -fPIC -o libnullmetal.so nullmetal.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uintptr_t word;

/* A selector is a pointer to its answer. */
struct selector {
    const char *name;
    word answer;
    enum { CONSTANT, ALLOCATES, RECEIVER, OBJECT } kind;
};

static struct selector selectors[256];
static int count;

static word answer(const char *name) {
    static const struct {
        const char *name;
        word answer;
    } known[] = {
        {"UTF8String", (word) "null"}, {"supportsFamily:", 1}, {"hasUnifiedMemory", 1},
        {"maxThreadgroupMemoryLength", 32768}, {"maxBufferLength", 1ul << 40},
        {"recommendedMaxWorkingSetSize", 1ul << 40}, {"maxTotalThreadsPerThreadgroup", 1024},
        {"threadExecutionWidth", 32}, {"staticThreadgroupMemoryLength", 0}, {"status", 4},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) == 0) {
            return known[i].answer;
        }
    }
    return (word) selectors; /* some object */
}

word sel_registerName(const char *name) {
    for (int i = 0; i < count; i++) {
        if (strcmp(selectors[i].name, name) == 0) {
            return (word) &selectors[i];
        }
    }
    /* A buffer is its own memory. */
    int kind = strcmp(name, "newBufferWithLength:options:") == 0 ? ALLOCATES
            : strcmp(name, "contents") == 0                                ? RECEIVER
            : strcmp(name, "newComputePipelineStateWithFunction:error:") == 0 ? OBJECT
                                                                           : CONSTANT;
    selectors[count] = (struct selector) {strdup(name), answer(name), kind};
    return (word) &selectors[count++];
}

word objc_msgSend(word self, struct selector *selector, word first) {
    return selector->kind == CONSTANT ? selector->answer
            : selector->kind == RECEIVER ? self
                                         : (word) calloc(selector->kind == OBJECT ? 16 : first, 1);
}

word objc_getClass(const char *name) { return strcmp(name, "MTLResidencySetDescriptor") ? (word) selectors : 0; }
word object_getClass(word object) { return object; }
const char *class_getName(word cls) { return "Null"; }
word class_getInstanceMethod(word cls, word selector) { return 0; }
const char *method_getTypeEncoding(word method) { return ""; }
word objc_autoreleasePoolPush(void) { return 1; }
void objc_autoreleasePoolPop(word pool) {}
word MTLCreateSystemDefaultDevice(void) { return (word) selectors; }
word MTLCopyAllDevices(void) { return 0; }
