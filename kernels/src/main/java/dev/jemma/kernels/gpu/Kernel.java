package dev.jemma.kernels.gpu;

import org.jspecify.annotations.Nullable;

/** A kernel function of a shader file, compiled when it is first used. */
final class Kernel {
    private final GpuDriver driver;
    private final ShaderLibrary library;
    private final String function;
    private final FunctionConstants constants;
    private @Nullable GpuPipeline pipeline;

    Kernel(GpuDriver driver, ShaderLibrary library, String function, FunctionConstants constants) {
        this.driver = driver;
        this.library = library;
        this.function = function;
        this.constants = constants;
    }

    GpuPipeline pipeline() {
        GpuPipeline compiled = pipeline;
        if (compiled == null) {
            compiled = driver.pipeline(library, function, constants);
            pipeline = compiled;
        }
        return compiled;
    }
}
