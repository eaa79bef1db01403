package dev.jemma.kernels.host;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The process's open files by number, which Java cannot name beyond the three standard ones. */
public final class FileDescriptors {
    private FileDescriptors() {}

    /**
     * Makes {@code descriptor} another name for what {@code source} is, and closes {@code source} (POSIX dup2, close).
     *
     * @throws IllegalArgumentException if {@code source} is not open
     */
    public static void replace(int descriptor, int source) {
        Linker linker = Linker.nativeLinker();
        SymbolLookup libc = linker.defaultLookup();
        MethodHandle dup2 = linker.downcallHandle(
                libc.findOrThrow("dup2"),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        MethodHandle close = linker.downcallHandle(
                libc.findOrThrow("close"), FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        try {
            if ((int) dup2.invokeExact(source, descriptor) < 0 || (int) close.invokeExact(source) < 0) {
                throw new IllegalArgumentException("file descriptor " + source + " is not open");
            }
        } catch (RuntimeException | Error failure) {
            throw failure;
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }
}
