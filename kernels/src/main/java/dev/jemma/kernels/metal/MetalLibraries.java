package dev.jemma.kernels.metal;

import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.ffi.NativeLibraries;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Loads what implements Metal: the system's frameworks on a Mac, a software Metal where one is named. */
final class MetalLibraries {
    /** A library that speaks Metal's Objective-C interface, for systems that are no Mac. */
    static final String PROPERTY = "jemma.metal.library";

    /** First macOS with version 3.1 of the shading language, the first that has bfloat. */
    private static final int OLDEST_MACOS = 14;

    private MetalLibraries() {}

    /** @throws DeviceException.Unavailable if this system has no Metal */
    static void load(DeviceOptions options) {
        String named = libraryPath(options);
        if (named != null) {
            NativeLibraries.load(
                    "metal", List.of(Path.of(named).toAbsolutePath().toString()));
            return;
        }
        String system = System.getProperty("os.name", "");
        if (!system.toLowerCase(Locale.ROOT).startsWith("mac")) {
            throw new DeviceException.Unavailable("metal: this system is " + system
                    + ", Metal needs macOS; a software Metal can be named with -D" + PROPERTY + "=<path>");
        }
        String version = System.getProperty("os.version", "0");
        if (Integer.parseInt(version.split("\\.", -1)[0]) < OLDEST_MACOS) {
            throw new DeviceException.Unavailable(
                    "metal: macOS " + version + ": Jemma's kernels need macOS " + OLDEST_MACOS + " or newer");
        }
        // Without CoreGraphics a process that has no window finds no default device.
        NativeLibraries.load(
                "metal",
                List.of(
                        "/usr/lib/libobjc.A.dylib",
                        "/System/Library/Frameworks/Foundation.framework/Foundation",
                        "/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics",
                        "/System/Library/Frameworks/Metal.framework/Metal"));
    }

    private static @Nullable String libraryPath(DeviceOptions options) {
        return options.libraryPath() != null ? options.libraryPath() : System.getProperty(PROPERTY);
    }
}
