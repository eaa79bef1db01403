package dev.jemma.kernels.gpu;

import dev.jemma.kernels.Weight;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** One kernel for each weight format. */
final class KernelFamily {
    private final Map<WeightFormat, Kernel> kernels = new EnumMap<>(WeightFormat.class);

    /** @param function name of the kernels, with {@code %s} for the format */
    KernelFamily(Shaders shaders, String denseFile, String affineFile, String function) {
        for (WeightFormat format : WeightFormat.values()) {
            kernels.put(
                    format,
                    shaders.kernel(
                            format.isAffine() ? affineFile : denseFile,
                            String.format(Locale.ROOT, function, format.kernelName()),
                            format.functionConstants()));
        }
    }

    Kernel of(Weight weight) {
        return Objects.requireNonNull(kernels.get(WeightFormat.of(weight)));
    }
}
