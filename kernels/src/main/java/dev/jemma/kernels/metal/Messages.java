package dev.jemma.kernels.metal;

import java.util.List;

/**
 * Every message that Jemma sends, by the kind of object that receives it, with signatures as Apple's public headers
 * declare them. Loaded after {@link MetalLibraries}.
 */
final class Messages {
    private Messages() {}

    // NSObject, NSString, NSError, NSArray

    static final Message NEW = Message.of("new", "@@:");
    static final Message RETAIN = Message.of("retain", "@@:");
    static final Message RELEASE = Message.of("release", "v@:");
    static final Message SET_LABEL = Message.of("setLabel:", "v@:@");
    static final Message STRING_WITH_UTF8 = Message.of("stringWithUTF8String:", "@@:*");
    static final Message UTF8_STRING = Message.of("UTF8String", "*@:");
    static final Message LOCALIZED_DESCRIPTION = Message.of("localizedDescription", "@@:");
    static final Message COUNT = Message.of("count", "Q@:");
    static final Message OBJECT_AT_INDEX = Message.of("objectAtIndex:", "@@:Q");

    // MTLDevice

    static final Message NAME = Message.of("name", "@@:");
    static final Message SUPPORTS_FAMILY = Message.of("supportsFamily:", "B@:q");
    static final Message HAS_UNIFIED_MEMORY = Message.of("hasUnifiedMemory", "B@:");
    static final Message MAX_THREADGROUP_MEMORY = Message.of("maxThreadgroupMemoryLength", "Q@:");
    static final Message MAX_BUFFER_LENGTH = Message.of("maxBufferLength", "Q@:");
    static final Message RECOMMENDED_WORKING_SET = Message.of("recommendedMaxWorkingSetSize", "Q@:");
    static final Message NEW_COMMAND_QUEUE = Message.of("newCommandQueue", "@@:");
    static final Message NEW_FENCE = Message.of("newFence", "@@:");
    static final Message NEW_BUFFER = Message.of("newBufferWithLength:options:", "@@:QQ");
    static final Message NEW_BUFFER_NO_COPY =
            Message.of("newBufferWithBytesNoCopy:length:options:deallocator:", "@@:^vQQ@?");
    static final Message NEW_LIBRARY = Message.of("newLibraryWithSource:options:error:", "@@:@@^@");
    static final Message NEW_PIPELINE = Message.of("newComputePipelineStateWithFunction:error:", "@@:@^@");
    static final Message NEW_RESIDENCY_SET = Message.of("newResidencySetWithDescriptor:error:", "@@:@^@");

    // MTLCompileOptions, MTLFunctionConstantValues, MTLLibrary, MTLComputePipelineState

    static final Message SET_LANGUAGE_VERSION = Message.of("setLanguageVersion:", "v@:Q");
    static final Message SET_MATH_MODE = Message.of("setMathMode:", "v@:q");
    static final Message SET_MATH_FUNCTIONS = Message.of("setMathFloatingPointFunctions:", "v@:q");
    static final Message SET_FAST_MATH = Message.of("setFastMathEnabled:", "v@:B");
    static final Message SET_CONSTANT = Message.of("setConstantValue:type:atIndex:", "v@:^vQQ");
    static final Message NEW_FUNCTION = Message.of("newFunctionWithName:", "@@:@");
    static final Message NEW_SPECIALIZED_FUNCTION = Message.of("newFunctionWithName:constantValues:error:", "@@:@@^@");
    static final Message MAX_THREADS = Message.of("maxTotalThreadsPerThreadgroup", "Q@:");
    static final Message EXECUTION_WIDTH = Message.of("threadExecutionWidth", "Q@:");
    static final Message STATIC_THREADGROUP_MEMORY = Message.of("staticThreadgroupMemoryLength", "Q@:");

    // MTLBuffer, MTLResidencySet

    static final Message CONTENTS = Message.of("contents", "^v@:");
    static final Message ADD_ALLOCATION = Message.of("addAllocation:", "v@:@");
    static final Message REMOVE_ALLOCATION = Message.of("removeAllocation:", "v@:@");
    static final Message REQUEST_RESIDENCY = Message.of("requestResidency", "v@:");

    // MTLCommandQueue, MTLCommandBuffer

    static final Message ADD_RESIDENCY_SET = Message.of("addResidencySet:", "v@:@");
    static final Message COMMAND_BUFFER = Message.of("commandBuffer", "@@:");
    static final Message COMPUTE_ENCODER = Message.of("computeCommandEncoderWithDispatchType:", "@@:Q");
    static final Message COMMIT = Message.of("commit", "v@:");
    static final Message WAIT = Message.of("waitUntilCompleted", "v@:");
    static final Message STATUS = Message.of("status", "Q@:");
    static final Message ERROR = Message.of("error", "@@:");
    static final Message GPU_START = Message.of("GPUStartTime", "d@:");
    static final Message GPU_END = Message.of("GPUEndTime", "d@:");

    // MTLComputeCommandEncoder

    static final Message SET_PIPELINE = Message.of("setComputePipelineState:", "v@:@");
    static final Message SET_BUFFER = Message.of("setBuffer:offset:atIndex:", "v@:@QQ");
    static final Message SET_BUFFER_OFFSET = Message.of("setBufferOffset:atIndex:", "v@:QQ");
    static final Message SET_BYTES = Message.of("setBytes:length:atIndex:", "v@:^vQQ");
    static final Message SET_THREADGROUP_MEMORY = Message.of("setThreadgroupMemoryLength:atIndex:", "v@:QQ");
    static final Message DISPATCH = Message.of("dispatchThreadgroups:threadsPerThreadgroup:", "v@:{?=QQQ}{?=QQQ}");
    static final Message BARRIER = Message.of("memoryBarrierWithScope:", "v@:Q");
    static final Message WAIT_FOR_FENCE = Message.of("waitForFence:", "v@:@");
    static final Message UPDATE_FENCE = Message.of("updateFence:", "v@:@");
    static final Message END_ENCODING = Message.of("endEncoding", "v@:");

    static final List<Message> OF_DEVICE = List.of(
            RELEASE,
            NAME,
            SUPPORTS_FAMILY,
            HAS_UNIFIED_MEMORY,
            MAX_THREADGROUP_MEMORY,
            MAX_BUFFER_LENGTH,
            RECOMMENDED_WORKING_SET,
            NEW_COMMAND_QUEUE,
            NEW_FENCE,
            NEW_BUFFER,
            NEW_BUFFER_NO_COPY,
            NEW_LIBRARY,
            NEW_PIPELINE);
    static final List<Message> OF_LIBRARY = List.of(RELEASE, NEW_FUNCTION, NEW_SPECIALIZED_FUNCTION);
    static final List<Message> OF_PIPELINE = List.of(RELEASE, MAX_THREADS, EXECUTION_WIDTH, STATIC_THREADGROUP_MEMORY);
    static final List<Message> OF_BUFFER = List.of(RELEASE, CONTENTS, SET_LABEL);
    static final List<Message> OF_QUEUE = List.of(RELEASE, SET_LABEL, COMMAND_BUFFER);
    static final List<Message> OF_COMMAND_BUFFER =
            List.of(RETAIN, RELEASE, COMPUTE_ENCODER, COMMIT, WAIT, STATUS, ERROR, GPU_START, GPU_END);
    static final List<Message> OF_ENCODER = List.of(
            SET_PIPELINE,
            SET_BUFFER,
            SET_BUFFER_OFFSET,
            SET_BYTES,
            SET_THREADGROUP_MEMORY,
            DISPATCH,
            BARRIER,
            WAIT_FOR_FENCE,
            UPDATE_FENCE,
            END_ENCODING);
    static final List<Message> OF_RESIDENCY_SET =
            List.of(RELEASE, ADD_ALLOCATION, REMOVE_ALLOCATION, COMMIT, REQUEST_RESIDENCY);
}
