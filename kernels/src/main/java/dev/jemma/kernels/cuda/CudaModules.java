package dev.jemma.kernels.cuda;

import dev.jemma.kernels.gpu.FunctionConstants;
import dev.jemma.kernels.gpu.ShaderLibrary;
import dev.jemma.kernels.gpu.Shaders;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** Compiles kernels and keeps them: in memory for the session, on disk for the next one. */
final class CudaModules implements AutoCloseable {
    private static final int MAX_THREADS_PER_BLOCK = 0;
    private static final List<String> HEADERS = List.of(
            "metal_stdlib",
            "msl_names.h",
            "msl_half.h",
            "msl_vec.h",
            "msl_math.h",
            "msl_simd.h",
            "msl_matrix.h",
            "msl_entry.h");

    private static final int MAX_DYNAMIC_SHARED_MEMORY = 8;

    /** Files beside this class that make up a library. */
    private static final Map<String, List<String>> OWN_LIBRARIES = Map.of(
            "attention_mma",
            List.of("mma.h", "attention_mma.cu"),
            "expert_gemm_mma",
            List.of("mma.h", "expert_gemm_mma.cu"),
            "gemm_split",
            List.of("mma.h", "gemm_split.cu"),
            "gemv_affine_mma",
            List.of("mma.h", "gemv_affine_mma.h", "gemv_affine_wide.cu", "gemv_affine_paired.cu"));

    private final CudaContext context;
    private final boolean ownKernels;
    private final Nvrtc nvrtc;
    private final CubinCache cache;
    private final Map<String, String> headers = new TreeMap<>();
    private final Map<Key, CudaPipeline> pipelines = new ConcurrentHashMap<>();
    private final List<Long> modules = new ArrayList<>();

    private record Key(String library, String function, FunctionConstants constants) {}

    /** @param ownKernels whether to offer the kernels that use tensor cores */
    CudaModules(CudaContext context, Nvrtc nvrtc, boolean ownKernels) {
        this.ownKernels = ownKernels;
        this.context = context;
        this.nvrtc = nvrtc;
        this.cache = CubinCache.ofUser(context.architecture() + " NVRTC " + nvrtc.version());
        for (String header : HEADERS) {
            headers.put(header, resource(header));
        }
        // The parts of the standard library that the shaders name on their own are all in metal_stdlib.
        for (String part : List.of("metal_simdgroup", "metal_simdgroup_matrix", "metal_math", "metal_atomic")) {
            headers.put(part, "#include <metal_stdlib>\n");
        }
    }

    private static String resource(String name) {
        try (InputStream in = CudaModules.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new AssertionError("resource " + name + " is missing");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** Kernels written for CUDA alone. */
    Optional<ShaderLibrary> ownLibrary(String name) {
        List<String> files = ownKernels ? OWN_LIBRARIES.getOrDefault(name, List.of()) : List.of();
        String text = files.stream().map(CudaModules::ownText).collect(Collectors.joining());
        return files.isEmpty() ? Optional.empty() : Optional.of(Shaders.library(name + ".cu", text));
    }

    private static String ownText(String name) {
        return "#line 1 \"" + name + "\"\n" + resource(name);
    }

    CudaPipeline pipeline(ShaderLibrary library, String function, FunctionConstants constants) {
        return pipelines.computeIfAbsent(
                new Key(library.name(), function, constants), _ -> load(library, function, constants));
    }

    private CudaPipeline load(ShaderLibrary library, String function, FunctionConstants constants) {
        CudaSource source = MslToCuda.translate(library, function, constants);
        byte[] image = cache.get(
                List.of(source.text(), headers.toString()),
                () -> nvrtc.compile(library.name(), source.text(), context.architecture(), headers));
        CudaApi api = context.api();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(image.length, 16);
            MemorySegment.copy(MemorySegment.ofArray(image), 0, copy, 0, image.length);
            long module = api.loadModule(copy);
            synchronized (modules) {
                modules.add(module);
            }
            long handle = api.function(module, source.function());
            if (source.parameters().stream().anyMatch(KernelParameter.Threadgroup.class::isInstance)) {
                api.setFunctionAttribute(handle, MAX_DYNAMIC_SHARED_MEMORY, context.maxThreadgroupMemory());
            }
            return new CudaPipeline(
                    function, handle, api.functionAttribute(MAX_THREADS_PER_BLOCK, handle), source.parameters());
        }
    }

    @Override
    public void close() {
        synchronized (modules) {
            modules.forEach(module -> context.api().unloadModule(module));
            modules.clear();
        }
        pipelines.clear();
    }
}
