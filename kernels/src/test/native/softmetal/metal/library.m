#include "library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

@implementation MTLCompileOptions
- (id)init {
    mathMode = 2; // Metal's default
    return self;
}
- (void)setMathMode:(NSInteger)mode {
    MUST(mode >= 0 && mode <= 2, "math mode %ld", mode);
    mathMode = mode;
}
- (NSInteger)mathMode {
    return mathMode;
}
- (void)setFastMathEnabled:(BOOL)enabled {
    mathMode = enabled ? 2 : 0;
}
- (BOOL)fastMathEnabled {
    return mathMode == 2;
}
- (void)setLanguageVersion:(NSUInteger)version {
    NSUInteger major = version >> 16, minor = version & 0xffff;
    MUST((major >= 1 && major <= 4) && minor <= 4, "language version 0x%lx", version);
    languageVersion = version;
}
- (NSUInteger)languageVersion {
    return languageVersion;
}
- (void)setMathFloatingPointFunctions:(NSInteger)functions {
    MUST(functions == 0 || functions == 1, "math functions %ld: 0 is fast, 1 precise", functions);
}
- (void)setPreserveInvariance:(BOOL)preserve {
}
@end

// The MTLDataType codes of scalars, their MSL names and sizes.
static const struct {
    NSUInteger code;
    const char* name;
    int byte_size;
} scalar_types[] = {
    {3, "float", 4},  {16, "half", 2},  {29, "int", 4},  {33, "uint", 4},
    {37, "short", 2}, {41, "ushort", 2}, {45, "char", 1}, {49, "uchar", 1}, {53, "bool", 1},
};

static int scalar_type(NSUInteger code) {
    for (size_t i = 0; i < sizeof scalar_types / sizeof *scalar_types; i++)
        if (scalar_types[i].code == code) return (int)i;
    softmetal_misuse("function constant of MTLDataType %lu: expected a scalar type", code);
}

@implementation MTLFunctionConstantValues
- (void)setConstantValue:(const void*)value type:(NSUInteger)type atIndex:(NSUInteger)index {
    MUST(index < max_function_constants, "function constant index %lu: at most %d here", index,
         max_function_constants - 1);
    values[index].set = true;
    values[index].type = type;
    memcpy(values[index].bytes, value, (size_t)scalar_types[scalar_type(type)].byte_size);
}
- (void)reset {
    memset(values, 0, sizeof values);
}
@end

@implementation SMFunction
- (NSString*)name {
    return name;
}
- (void)dealloc {
    [name release];
    [library release];
    [super dealloc];
}
@end

// What is wrong with the constants for this kernel, to free(); NULL if nothing.
static char* constants_fault(const SMFunction* f) {
    const struct sm_module* module = softmetal_module(f->library->compiled);
    char* fault = NULL;
    for (const int* used = f->kernel->constants; *used >= 0 && !fault; used++) {
        const struct sm_constant* constant = &module->constants[*used];
        const struct constant_value* value = &f->values[constant->index];
        int length = 0;
        if (!value->set) {
            if (!constant->optional)
                length = asprintf(&fault, "function '%s' needs function constant %d ('%s'), which has no value",
                                  f->kernel->name, constant->index, constant->name);
        } else if (strcmp(scalar_types[scalar_type(value->type)].name, constant->type) != 0) {
            length = asprintf(&fault, "function '%s': function constant %d ('%s') is %s, but its value is %s",
                              f->kernel->name, constant->index, constant->name, constant->type,
                              scalar_types[scalar_type(value->type)].name);
        }
        if (length < 0) abort();
    }
    return fault;
}

@implementation SMLibrary
+ (id)withSource:(NSString*)source options:(MTLCompileOptions*)options error:(NSError**)error {
    // SOFTMETAL_FASTMATH=1 lets the compiler assume what Metal's fast math may: no NaN, no infinity, any association.
    bool fast = *softmetal_switch("SOFTMETAL_FASTMATH", "0") == '1' && (!options || options->mathMode == 2);
    char* messages = NULL;
    const struct compiled* compiled = softmetal_compile([source UTF8String], fast ? "-ffast-math" : "", &messages);
    if (!compiled) {
        if (error) *error = [NSError errorWithText:messages];
        free(messages);
        return nil;
    }
    SMLibrary* library = [self new];
    library->compiled = compiled;
    return library;
}
- (NSArray*)functionNames {
    const struct sm_module* module = softmetal_module(compiled);
    id* names = calloc((size_t)module->kernel_count + 1, sizeof(id));
    for (int i = 0; i < module->kernel_count; i++) names[i] = [NSString stringWithUTF8String:module->kernels[i].name];
    NSArray* array = [NSArray arrayWithObjects:names count:(NSUInteger)module->kernel_count];
    free(names);
    return array;
}
- (id)function:(NSString*)name values:(const struct constant_value*)values error:(NSError**)error {
    MUST(name, "newFunctionWithName: nil");
    const struct sm_module* module = softmetal_module(compiled);
    const struct sm_kernel* kernel = NULL;
    for (int i = 0; i < module->kernel_count; i++)
        if (strcmp(module->kernels[i].name, [name UTF8String]) == 0) kernel = &module->kernels[i];
    char* fault = NULL;
    if (!kernel && asprintf(&fault, "no function '%s' in the library", [name UTF8String]) < 0) abort();
    SMFunction* function = nil;
    if (kernel) {
        function = [SMFunction new];
        function->name = [name retain];
        function->library = [self retain];
        function->kernel = kernel;
        if (values) memcpy(function->values, values, sizeof function->values);
        fault = constants_fault(function);
    }
    if (!fault) return function;
    [function release];
    if (error) *error = [NSError errorWithText:fault];
    free(fault);
    return nil;
}
- (id)newFunctionWithName:(NSString*)name {
    return [self function:name values:NULL error:NULL];
}
- (id)newFunctionWithName:(NSString*)name
           constantValues:(MTLFunctionConstantValues*)values
                    error:(NSError**)error {
    MUST(values, "newFunctionWithName:constantValues: nil values");
    return [self function:name values:values->values error:error];
}
@end

@implementation MTLComputePipelineDescriptor
- (void)setComputeFunction:(SMFunction*)f {
    [f retain];
    [function release];
    function = f;
}
- (SMFunction*)computeFunction {
    return function;
}
- (void)setMaxTotalThreadsPerThreadgroup:(NSUInteger)threads {
    maxThreads = threads;
}
- (void)setThreadGroupSizeIsMultipleOfThreadExecutionWidth:(BOOL)multiple {
}
- (void)dealloc {
    [function release];
    [super dealloc];
}
@end

@implementation SMComputePipelineState
+ (id)withFunction:(SMFunction*)function {
    MUST(function, "newComputePipelineState: nil function");
    SMComputePipelineState* pipeline = [self new];
    pipeline->function = [function retain];
    pipeline->maxThreads = (NSUInteger)function->kernel->max_threads;
    return pipeline;
}
- (NSUInteger)maxTotalThreadsPerThreadgroup {
    return maxThreads;
}
- (NSUInteger)threadExecutionWidth {
    return 32;
}
- (NSUInteger)staticThreadgroupMemoryLength {
    return 0; // known only when the kernel runs; the limit is checked then
}
- (void)dealloc {
    [function release];
    [super dealloc];
}
@end

void softmetal_set_constants(const SMComputePipelineState* pipeline) {
    const struct sm_module* module = softmetal_module(pipeline->function->library->compiled);
    for (int i = 0; i < module->constant_count; i++) {
        const struct sm_constant* constant = &module->constants[i];
        const struct constant_value* value = &pipeline->function->values[constant->index];
        *constant->is_set = value->set;
        memcpy(constant->value, value->bytes, (size_t)constant->byte_size);
    }
}
