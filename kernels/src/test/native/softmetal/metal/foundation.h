// The part of Foundation that Metal's classes stand on, with what a test wants of it: every object is counted, a
// message to a released one is caught, and an autorelease without a pool is an error.
#pragma once

#include <objc/message.h>
#include <objc/runtime.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned long NSUInteger;
typedef long NSInteger;
typedef struct {
    NSUInteger location, length;
} NSRange;
typedef struct {
    NSUInteger width, height, depth;
} MTLSize;

// What Metal's API validation would assert on: says so and ends the process.
__attribute__((noreturn, format(printf, 1, 2))) void softmetal_misuse(const char* format, ...);
#define MUST(condition, ...) \
    do { \
        if (!(condition)) softmetal_misuse(__VA_ARGS__); \
    } while (0)

// An environment switch, or `otherwise` where it is unset or empty.
const char* softmetal_switch(const char* name, const char* otherwise);
bool softmetal_is_released(id object);

void* objc_autoreleasePoolPush(void);
void objc_autoreleasePoolPop(void* pool);

@interface NSObject {
    Class isa;
    int references;
}
+ (id)alloc;
+ (id)new;
+ (Class)class;
- (id)init;
- (Class)class;
- (id)retain;
- (void)release;
- (id)autorelease;
- (NSUInteger)retainCount;
- (BOOL)respondsToSelector:(SEL)selector;
- (void)dealloc;
@end

@interface NSString : NSObject {
    char* utf8;
}
+ (id)stringWithUTF8String:(const char*)text;
- (id)initWithUTF8String:(const char*)text;
- (const char*)UTF8String;
- (NSUInteger)length;
@end

@interface NSError : NSObject {
    NSString* description;
}
+ (id)errorWithText:(const char*)text;
- (NSString*)localizedDescription;
- (NSInteger)code;
@end

@interface NSArray : NSObject {
  @public
    id* objects;
    NSUInteger count;
}
+ (id)arrayWithObjects:(const id*)objects count:(NSUInteger)count;
- (NSUInteger)count;
- (id)objectAtIndex:(NSUInteger)index;
@end

// Most of Metal's objects have a label.
@interface SMLabelled : NSObject {
    NSString* label;
}
- (void)setLabel:(NSString*)text;
- (NSString*)label;
- (const char*)labelText;
@end
