package dev.jemma.kernels.ffi;

import dev.jemma.kernels.DeviceException;
import java.util.List;

/** Loads shared libraries for the life of the process; bindings then find their symbols by the class loader's lookup. */
public final class NativeLibraries {
    private NativeLibraries() {}

    /**
     * Loads each library in order. Loading one again does nothing.
     *
     * @param paths absolute paths; on macOS also of libraries that exist in the system's shared cache alone
     * @throws DeviceException.Unavailable naming the library and the loader's reason
     */
    public static void load(String backend, List<String> paths) {
        for (String path : paths) {
            try {
                System.load(path);
            } catch (UnsatisfiedLinkError failure) {
                throw new DeviceException.Unavailable(
                        backend + ": cannot load " + path + ": " + failure.getMessage(), failure);
            } catch (IllegalCallerException failure) {
                throw new DeviceException.Unavailable(
                        backend + ": native access is off: start Java with --enable-native-access=ALL-UNNAMED",
                        failure);
            }
        }
    }
}
