package dev.jemma.kernels.softmetal;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Assumptions;

/**
 * The software Metal that {@code scripts/build-softmetal} leaves in {@code kernels/target/softmetal}. Where it could not
 * be built, tests that call {@link #library} are skipped with the reason; with {@code CI=true} in the environment or
 * {@code -Djemma.requireSoftmetal=true} they fail instead.
 */
public final class SoftMetal {
    private final MethodHandle live;
    private final MethodHandle liveOf;
    private final MethodHandle describeLive;

    /** Counters of the library that this process runs Metal on. */
    public SoftMetal() {
        SymbolLookup symbols = SymbolLookup.libraryLookup(library(), Arena.global());
        live = handle(symbols, "softmetal_live", FunctionDescriptor.of(ValueLayout.JAVA_LONG));
        liveOf =
                handle(symbols, "softmetal_live_of", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
        describeLive = handle(
                symbols,
                "softmetal_describe_live",
                FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
    }

    private static MethodHandle handle(SymbolLookup symbols, String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), type);
    }

    /** Where the build leaves its output. */
    public static Path buildFolder() {
        return Objects.requireNonNull(libraryPath().toAbsolutePath().getParent());
    }

    /** The sources: {@code metalc}, the prelude, the test kernels. */
    public static Path home() {
        return Path.of(System.getProperty("jemma.root", ".."), "kernels/src/test/native/softmetal")
                .toAbsolutePath()
                .normalize();
    }

    public static boolean isBuilt() {
        return Files.exists(libraryPath());
    }

    /** The shared library, as {@code jemma.metal.library} takes it; ends the test where there is none. */
    public static Path library() {
        if (!isBuilt()) {
            String why = whyMissing();
            if (Boolean.getBoolean("jemma.requireSoftmetal") || "true".equals(System.getenv("CI"))) {
                throw new AssertionError(why);
            }
            Assumptions.abort(why);
        }
        return libraryPath();
    }

    private static Path libraryPath() {
        return Path.of(System.getProperty("jemma.softmetal", home() + "/../../../../target/softmetal/libsoftmetal.so"));
    }

    private static String whyMissing() {
        Path reason = buildFolder().resolve("why-missing");
        try {
            return Files.exists(reason)
                    ? Files.readString(reason).strip()
                    : "no software Metal at " + libraryPath() + ": run scripts/build-softmetal";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Objective-C objects not yet released. */
    public long live() {
        try {
            return (long) live.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /**
     * Objects of one kind not yet released.
     *
     * @param kind {@code Buffer}, {@code ComputePipelineState}, {@code Library}, {@code Function}, {@code CommandQueue},
     *     {@code CommandBuffer}, {@code ComputeCommandEncoder}, {@code ResidencySet}, {@code AutoreleasePool},
     *     {@code String}, {@code Error}
     */
    public long live(String kind) {
        try (Arena arena = Arena.ofConfined()) {
            return (long) liveOf.invokeExact(arena.allocateFrom(kind));
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** What is alive, for a failing test's message: {@code Buffer 2, Library 1}. */
    public String describeLive() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(4096);
            describeLive.invokeExact(text, text.byteSize());
            return text.getString(0);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
