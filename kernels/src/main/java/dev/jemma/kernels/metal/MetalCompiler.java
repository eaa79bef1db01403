package dev.jemma.kernels.metal;

import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.gpu.FunctionConstants;
import dev.jemma.kernels.gpu.ShaderLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Compiles shader sources and specialises their functions; each library and pipeline once for the device's life. */
final class MetalCompiler implements AutoCloseable {
    /** MTLLanguageVersion3_1: the first with bfloat. */
    private static final long LANGUAGE_VERSION = 0x30001;

    /** MTLMathModeRelaxed: sums may be reordered, infinities and NaN keep their meaning. */
    private static final long MATH_MODE = 1;

    /** MTLMathFloatingPointFunctionsPrecise: the fast tanh returns NaN beyond about 44. */
    private static final long MATH_FUNCTIONS = 1;

    /** Metal calls a source that came as a string program_source. */
    private static final Pattern SOURCE_NAME = Pattern.compile("\\S*\\bprogram(_source|\\.metal)(?=:\\d)");

    private static final Pattern FIRST_ERROR =
            Pattern.compile("^(\\S+?:\\d+(?::\\d+)?): *(?:fatal )?error: (.*)$", Pattern.MULTILINE);

    private final long device;
    private final Map<ShaderLibrary, Long> libraries = new HashMap<>();
    private final Map<Key, MetalPipeline> pipelines = new HashMap<>();

    private record Key(String library, String function, FunctionConstants constants) {}

    MetalCompiler(long device) {
        this.device = device;
    }

    /** @throws DeviceException.CompileFailed naming file and line */
    synchronized MetalPipeline pipeline(ShaderLibrary library, String function, FunctionConstants constants) {
        Key key = new Key(library.name(), function, constants);
        MetalPipeline cached = pipelines.get(key);
        if (cached != null) {
            return cached;
        }
        long pool = ObjC.pushPool();
        try {
            MetalPipeline made = build(library(library), key);
            pipelines.put(key, made);
            return made;
        } finally {
            ObjC.popPool(pool);
        }
    }

    /** The MTLLibrary of a source; needs an autorelease pool. */
    synchronized long library(ShaderLibrary library) {
        Long cached = libraries.get(library);
        if (cached != null) {
            return cached;
        }
        long options = Send.get(ObjC.classNamed("MTLCompileOptions"), Messages.NEW);
        try (Arena arena = Arena.ofConfined()) {
            configure(options);
            MemorySegment error = arena.allocate(ValueLayout.JAVA_LONG);
            long source = ObjC.nsString(library.source());
            long made = Send.get(device, Messages.NEW_LIBRARY, source, options, error.address());
            if (made == 0) {
                throw failed(library.name(), error);
            }
            libraries.put(library, made);
            return made;
        } finally {
            ObjC.release(options);
        }
    }

    /** macOS 15 has math modes; before it, all that can be said is that fast math is off. */
    private static void configure(long options) {
        Send.send(options, Messages.SET_LANGUAGE_VERSION, LANGUAGE_VERSION);
        if (ObjC.responds(options, Messages.SET_MATH_MODE)) {
            Send.send(options, Messages.SET_MATH_MODE, MATH_MODE);
            Send.send(options, Messages.SET_MATH_FUNCTIONS, MATH_FUNCTIONS);
        } else {
            Send.send(options, Messages.SET_FAST_MATH, false);
        }
    }

    private MetalPipeline build(long library, Key key) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(ValueLayout.JAVA_LONG);
            long function = function(library, key, error, arena);
            if (function == 0) {
                throw failed(key.library() + ": " + key.function(), error);
            }
            long pipeline = Send.get(device, Messages.NEW_PIPELINE, function, error.address());
            ObjC.release(function);
            if (pipeline == 0) {
                throw failed(key.library() + ": " + key.function(), error);
            }
            return describe(pipeline, key);
        }
    }

    private static long function(long library, Key key, MemorySegment error, Arena arena) {
        long name = ObjC.nsString(key.function());
        if (key.constants().values().isEmpty()) {
            return Send.get(library, Messages.NEW_FUNCTION, name);
        }
        long values = Send.get(ObjC.classNamed("MTLFunctionConstantValues"), Messages.NEW);
        for (FunctionConstants.Value value : key.constants().values()) {
            MemorySegment bits = arena.allocateFrom(ValueLayout.JAVA_INT, value.bits());
            Send.send(
                    values, Messages.SET_CONSTANT, bits.address(), value.type().metalCode(), value.index());
        }
        long function = Send.get(library, Messages.NEW_SPECIALIZED_FUNCTION, name, values, error.address());
        ObjC.release(values);
        return function;
    }

    private static MetalPipeline describe(long pipeline, Key key) {
        long width = Send.get(pipeline, Messages.EXECUTION_WIDTH);
        if (width != MetalDriver.SIMD_WIDTH) {
            ObjC.release(pipeline);
            throw new DeviceException.Unavailable("metal: " + key.function() + ": expected simdgroups of "
                    + MetalDriver.SIMD_WIDTH + " lanes, this device has " + width);
        }
        return new MetalPipeline(
                pipeline,
                key.function(),
                Math.toIntExact(Send.get(pipeline, Messages.MAX_THREADS)),
                Math.toIntExact(Send.get(pipeline, Messages.STATIC_THREADGROUP_MEMORY)));
    }

    private static DeviceException.CompileFailed failed(String what, MemorySegment error) {
        String file = what.split(":", 2)[0];
        long reason = error.get(ValueLayout.JAVA_LONG, 0);
        String log = reason == 0
                ? "no such function"
                : SOURCE_NAME.matcher(ObjC.describe(reason)).replaceAll(Matcher.quoteReplacement(file));
        Matcher first = FIRST_ERROR.matcher(log);
        String headline = first.find()
                ? first.group(1) + ": " + first.group(2)
                : what + ": " + log.lines().findFirst().orElse("");
        return new DeviceException.CompileFailed("metal: " + headline + "\n" + log);
    }

    @Override
    public synchronized void close() {
        pipelines.values().forEach(pipeline -> ObjC.release(pipeline.reference()));
        pipelines.clear();
        libraries.values().forEach(ObjC::release);
        libraries.clear();
    }
}
