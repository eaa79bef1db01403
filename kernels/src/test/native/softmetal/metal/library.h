#pragma once

#include "compile.h"
#include "foundation.h"

enum { max_function_constants = 64, function_constant_bytes = 8 };

@interface MTLCompileOptions : NSObject {
  @public
    NSInteger mathMode; // MTLMathMode: 0 safe, 1 relaxed, 2 fast
    NSUInteger languageVersion;
}
@end

struct constant_value {
    bool set;
    NSUInteger type;
    unsigned char bytes[function_constant_bytes];
};

@interface MTLFunctionConstantValues : NSObject {
  @public
    struct constant_value values[max_function_constants];
}
@end

@interface SMLibrary : SMLabelled {
  @public
    const struct compiled* compiled;
}
+ (id)withSource:(NSString*)source options:(MTLCompileOptions*)options error:(NSError**)error;
@end

@interface SMFunction : SMLabelled {
  @public
    NSString* name;
    SMLibrary* library;
    const struct sm_kernel* kernel;
    struct constant_value values[max_function_constants];
}
@end

@interface MTLComputePipelineDescriptor : SMLabelled {
  @public
    SMFunction* function;
    NSUInteger maxThreads;
}
@end

@interface SMComputePipelineState : SMLabelled {
  @public
    SMFunction* function;
    NSUInteger maxThreads, sanitized; // dispatches run under a sanitizer
}
+ (id)withFunction:(SMFunction*)function;
- (NSUInteger)maxTotalThreadsPerThreadgroup;
@end

// Gives a kernel's file this pipeline's function constants; they hold until the next call for the same file.
void softmetal_set_constants(const SMComputePipelineState* pipeline);
