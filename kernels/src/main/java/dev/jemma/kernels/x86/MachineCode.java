package dev.jemma.kernels.x86;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.kernels.DeviceException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Functions made of bytes, which live as long as the process. Linux only. */
public final class MachineCode {
    private static final int READ = 1;
    private static final int WRITE = 2;
    private static final int EXECUTE = 4;
    private static final int PRIVATE = 2;
    private static final int ANONYMOUS = 0x20;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle MMAP = system(
            "mmap", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    private static final MethodHandle MPROTECT =
            system("mprotect", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));

    /** The JVM is not told of the call, and its garbage collections wait for the end of it. */
    private static final MethodHandle CALL =
            LINKER.downcallHandle(FunctionDescriptor.ofVoid(JAVA_LONG), Linker.Option.critical(false));

    private MachineCode() {}

    private static MethodHandle system(String name, FunctionDescriptor descriptor) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor);
    }

    /**
     * Puts a function where it can run. Its pages can be written first and run then, never both.
     *
     * @param code of a function of one integer that returns nothing, by the System V calling convention for x86-64
     * @throws DeviceException.Unavailable if the system gives no memory to run code from, as hardened ones do
     */
    public static MemorySegment function(byte[] code) {
        try {
            long size = code.length;
            long address = (long) MMAP.invokeExact(0L, size, READ | WRITE, PRIVATE | ANONYMOUS, -1, 0L);
            if (address == -1) {
                throw new DeviceException.Unavailable("the system has no memory for machine code");
            }
            MemorySegment function = MemorySegment.ofAddress(address).reinterpret(size);
            MemorySegment.copy(code, 0, function, JAVA_BYTE, 0, code.length);
            if ((int) MPROTECT.invokeExact(address, size, READ | EXECUTE) != 0) {
                throw new DeviceException.Unavailable("the system runs no machine code that a process has written");
            }
            return function;
        } catch (DeviceException unavailable) {
            throw unavailable;
        } catch (Throwable failure) {
            throw new AssertionError("machine code", failure);
        }
    }

    /** Calls a {@link #function}, which should take microseconds. */
    public static void call(MemorySegment function, long argument) {
        try {
            CALL.invokeExact(function, argument);
        } catch (Throwable failure) {
            throw new AssertionError("machine code", failure);
        }
    }
}
