// NSObject: reference counts, autorelease pools, counters of live objects, and messages to objects.
#include "foundation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void softmetal_misuse(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "softmetal: API misuse: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    fflush(stderr);
    abort();
}

const char* softmetal_switch(const char* name, const char* otherwise) {
    const char* value = getenv(name);
    return value && *value ? value : otherwise;
}

// ---- objects that are gone ----

// What a released object becomes, so that a later message to it is caught. The oldest are freed in the end: a long run
// makes two or three objects a step.
@interface SMReleased {
    Class isa;
}
+ (Class)class;
@end
@implementation SMReleased
+ (Class)class {
    return (Class)self;
}
@end

enum { kept_released = 1 << 16 };
static void* released[kept_released];
static unsigned long released_count;

bool softmetal_is_released(id object) { return object && object_getClass(object) == [SMReleased class]; }

static void keep_released(id object) {
    object_setClass(object, [SMReleased class]);
    unsigned long place = __atomic_fetch_add(&released_count, 1, __ATOMIC_RELAXED) % kept_released;
    free(__atomic_exchange_n(&released[place], (void*)object, __ATOMIC_ACQ_REL));
}

// ---- how many there are ----

enum { max_classes = 64 };
static struct {
    void* class;
    long live;
} counters[max_classes];

static void count_object(Class class, long change) {
    for (int i = 0; i < max_classes; i++) {
        void* none = NULL;
        __atomic_compare_exchange_n(&counters[i].class, &none, (void*)class, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
        if (counters[i].class != (void*)class) continue;
        __atomic_fetch_add(&counters[i].live, change, __ATOMIC_RELAXED);
        return;
    }
    abort();
}

// SMBuffer, NSString and MTLCompileOptions are "Buffer", "String" and "CompileOptions" to a test.
static const char* kind_of(Class class) {
    const char* name = class_getName(class);
    return name + (strncmp(name, "MTL", 3) == 0 ? 3 : 2);
}

static long autorelease_pools;

// Objects of a kind not yet released: "Buffer", "ComputePipelineState", "Library", "Function", "CommandQueue",
// "CommandBuffer", "ComputeCommandEncoder", "ResidencySet", "AutoreleasePool", "String", ...
long softmetal_live_of(const char* kind) {
    if (strcmp(kind, "AutoreleasePool") == 0) return autorelease_pools;
    for (int i = 0; i < max_classes && counters[i].class; i++)
        if (strcmp(kind_of((Class)counters[i].class), kind) == 0) return counters[i].live;
    return 0;
}

// All objects not yet released; pools are no objects.
long softmetal_live(void) {
    long total = 0;
    for (int i = 0; i < max_classes && counters[i].class; i++) total += counters[i].live;
    return total;
}

// "Buffer 2, Library 1" into `text`; empty when nothing is alive. For a failing test's message.
void softmetal_describe_live(char* text, long byte_size) {
    if (byte_size > 0) *text = 0;
    for (int i = 0; i < max_classes && counters[i].class; i++) {
        if (!counters[i].live) continue;
        long used = (long)strlen(text);
        snprintf(text + used, (size_t)(byte_size - used), "%s%s %ld", used ? ", " : "",
                 kind_of((Class)counters[i].class), counters[i].live);
    }
}

// ---- autorelease pools, a stack of them a thread ----

enum { max_pools = 256, max_pooled = 1 << 20 };
static __thread struct {
    id* objects;
    int count, pools;
    int first[max_pools]; // of each pool
} pooled;

void* objc_autoreleasePoolPush(void) {
    MUST(pooled.pools < max_pools, "%d autorelease pools on one thread: one a step is never popped", max_pools);
    pooled.first[pooled.pools++] = pooled.count;
    __atomic_fetch_add(&autorelease_pools, 1, __ATOMIC_RELAXED);
    return (void*)(uintptr_t)pooled.pools;
}

void objc_autoreleasePoolPop(void* pool) {
    int number = (int)(uintptr_t)pool;
    MUST(number >= 1 && number <= pooled.pools, "autorelease pool %d popped twice or on another thread (%d pools here)",
         number, pooled.pools);
    while (pooled.pools >= number) {
        int first = pooled.first[pooled.pools - 1];
        while (pooled.count > first) [pooled.objects[--pooled.count] release];
        pooled.pools--;
        __atomic_fetch_sub(&autorelease_pools, 1, __ATOMIC_RELAXED);
    }
}

static void add_to_pool(id object) {
    MUST(pooled.pools > 0, "%s autoreleased without an autorelease pool in place: it would leak",
         kind_of(object_getClass(object)));
    if (!pooled.objects) pooled.objects = malloc(max_pooled * sizeof(id));
    MUST(pooled.count < max_pooled, "%d objects in this thread's autorelease pools: never drained", max_pooled);
    pooled.objects[pooled.count++] = object;
}

@implementation NSObject
+ (id)alloc {
    NSObject* object = class_createInstance(self, 0);
    object->references = 1;
    count_object(self, 1);
    return object;
}
+ (id)new {
    return [[self alloc] init];
}
+ (Class)class {
    return (Class)self;
}
- (Class)class {
    return object_getClass(self);
}
- (id)init {
    return self;
}
- (id)retain {
    __atomic_fetch_add(&references, 1, __ATOMIC_RELAXED);
    return self;
}
- (void)release {
    if (__atomic_sub_fetch(&references, 1, __ATOMIC_ACQ_REL) == 0) [self dealloc];
}
- (id)autorelease {
    add_to_pool(self);
    return self;
}
- (NSUInteger)retainCount {
    return (NSUInteger)references;
}
- (BOOL)respondsToSelector:(SEL)selector {
    return class_respondsToSelector(object_getClass(self), selector);
}
- (void)dealloc {
    count_object(object_getClass(self), -1);
    keep_released(self);
}
@end

// ---- messages ----

// Called by objc_msgSend.
IMP softmetal_method(id self, SEL selector) {
    if (!self) return objc_msg_lookup(self, selector);
    Class class = object_getClass(self);
    MUST(class != objc_getClass("SMReleased"), "message '%s' to a released object", sel_getName(selector));
    MUST(class_respondsToSelector(class, selector), "unrecognized selector %c[%s %s]",
         class_isMetaClass(class) ? '+' : '-', class_getName(class), sel_getName(selector));
    return objc_msg_lookup(self, selector);
}

// An inline function in gcc's runtime.h, a symbol on macOS, where the host's code looks it up.
Class softmetal_class_of(id object) __asm__("object_getClass");
Class softmetal_class_of(id object) { return object ? *(Class*)object : Nil; }
