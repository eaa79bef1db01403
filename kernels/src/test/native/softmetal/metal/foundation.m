#include "foundation.h"

#include <stdlib.h>
#include <string.h>

@implementation NSString
+ (id)stringWithUTF8String:(const char*)text {
    return [[[self alloc] initWithUTF8String:text] autorelease];
}
- (id)initWithUTF8String:(const char*)text {
    MUST(text, "NSString from a null pointer");
    utf8 = strdup(text);
    return self;
}
- (const char*)UTF8String {
    return utf8;
}
- (NSUInteger)length {
    return strlen(utf8);
}
- (void)dealloc {
    free(utf8);
    [super dealloc];
}
@end

@implementation NSError
+ (id)errorWithText:(const char*)text {
    NSError* error = [self new];
    error->description = [[NSString alloc] initWithUTF8String:text];
    return [error autorelease];
}
- (NSString*)localizedDescription {
    return description;
}
- (NSInteger)code {
    return 1;
}
- (void)dealloc {
    [description release];
    [super dealloc];
}
@end

@implementation NSArray
+ (id)arrayWithObjects:(const id*)objects count:(NSUInteger)count {
    NSArray* array = [self new];
    array->objects = calloc(count ? count : 1, sizeof(id));
    array->count = count;
    for (NSUInteger i = 0; i < count; i++) array->objects[i] = [objects[i] retain];
    return [array autorelease];
}
- (NSUInteger)count {
    return count;
}
- (id)objectAtIndex:(NSUInteger)index {
    MUST(index < count, "index %lu of an array of %lu", index, count);
    return objects[index];
}
- (void)dealloc {
    for (NSUInteger i = 0; i < count; i++) [objects[i] release];
    free(objects);
    [super dealloc];
}
@end

@implementation SMLabelled
- (void)setLabel:(NSString*)text {
    [text retain];
    [label release];
    label = text;
}
- (NSString*)label {
    return label;
}
- (const char*)labelText {
    return label ? [label UTF8String] : "unlabelled";
}
- (void)dealloc {
    [label release];
    [super dealloc];
}
@end
