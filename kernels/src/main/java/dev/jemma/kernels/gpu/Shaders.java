package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The shipped shader files and the kernels in them, for one device. */
public final class Shaders {
    /** Every shader file, headers aside. */
    public static final List<String> FILES = List.of(
            "attention.metal",
            "attention_prefill.metal",
            "cache.metal",
            "embed.metal",
            "expert_gemm.metal",
            "experts.metal",
            "gemm.metal",
            "gemv.metal",
            "gemv_affine.metal",
            "kv_copy.metal",
            "narrow.metal",
            "norm.metal",
            "results.metal",
            "rope.metal",
            "rows.metal",
            "sdpa.metal");

    private static final Pattern INCLUDE = Pattern.compile("\\s*#include \"(.+)\"\\s*");
    private static final Pattern KERNEL =
            Pattern.compile("host_name\\(\"(\\w+)\"\\)|^kernel void (\\w+)\\(", Pattern.MULTILINE);
    private static final Pattern TEMPLATE_KERNEL = Pattern.compile("template <[^>]*>\\s*kernel void \\w+\\(");

    private final GpuDriver driver;
    private final Map<String, ShaderLibrary> libraries = new HashMap<>();

    Shaders(GpuDriver driver) {
        this.driver = driver;
    }

    /** A kernel that is compiled when it is first used. */
    Kernel kernel(String file, String function) {
        return kernel(file, function, FunctionConstants.NONE);
    }

    Kernel kernel(String file, String function, FunctionConstants constants) {
        return new Kernel(driver, libraries.computeIfAbsent(file, Shaders::library), function, constants);
    }

    /** A kernel of the driver's own library {@code name}, if it has it. */
    Optional<Kernel> own(String name, String function, FunctionConstants constants) {
        return driver.ownLibrary(name).map(library -> new Kernel(driver, library, function, constants));
    }

    /** One kernel for each weight format, from one file or from one for dense and one for affine weights. */
    KernelFamily byFormat(String denseFile, String affineFile, String function) {
        return new KernelFamily(this, denseFile, affineFile, function);
    }

    /** Kernels for an F16 and an F32 cache, by {@link #cacheType}. */
    Kernel[] byCacheType(String file, String function) {
        return new Kernel[] {
            kernel(file, String.format(Locale.ROOT, function, "f16")),
            kernel(file, String.format(Locale.ROOT, function, "f32"))
        };
    }

    static int cacheType(DType dtype) {
        return dtype == DType.F16 ? 0 : 1;
    }

    /** A shader file with its headers put in; {@code #line} keeps errors at the file and line they belong to. */
    public static ShaderLibrary library(String file) {
        return library(file, read(file));
    }

    /** The same for a driver's own text, which may include the shaders' headers. */
    public static ShaderLibrary library(String file, String source) {
        StringBuilder text = new StringBuilder();
        append(text, file, source, new HashSet<>());
        return new ShaderLibrary(file, text.toString());
    }

    /** Names of the kernels in a library, as a pipeline is asked for. */
    public static List<String> functions(ShaderLibrary library) {
        String plain = TEMPLATE_KERNEL.matcher(library.source()).replaceAll("template (");
        return KERNEL.matcher(plain)
                .results()
                .map(match -> match.group(1) != null ? match.group(1) : match.group(2))
                .toList();
    }

    private static void append(StringBuilder text, String file, String source, Set<String> seen) {
        text.append("#line 1 \"").append(file).append("\"\n");
        List<String> lines = source.lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            Matcher include = INCLUDE.matcher(lines.get(i));
            if (!include.matches()) {
                text.append(lines.get(i)).append('\n');
                continue;
            }
            if (seen.add(include.group(1))) {
                append(text, include.group(1), read(include.group(1)), seen);
            }
            text.append("#line ").append(i + 2).append(" \"").append(file).append("\"\n");
        }
    }

    private static String read(String file) {
        try (InputStream in = Shaders.class.getResourceAsStream("/dev/jemma/kernels/msl/" + file)) {
            if (in == null) {
                throw new IllegalArgumentException(file + ": no such shader");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException failure) {
            throw new UncheckedIOException(file, failure);
        }
    }
}
