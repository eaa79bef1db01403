package dev.jemma.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.x86.MachineCode;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/** A process that may not run what it has written, from the first line of {@code main} on. */
final class HardenedProcess {
    static final String NOT_KNOWN = "the kernel does not know PR_SET_MDWE";

    private static final int PR_SET_MDWE = 65;
    private static final long REFUSE_EXEC_GAIN = 1;

    private HardenedProcess() {}

    public static void main() throws Throwable {
        Linker linker = Linker.nativeLinker();
        MethodHandle prctl = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("prctl"),
                FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
        if ((int) prctl.invokeExact(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0L, 0L, 0L) != 0) {
            System.out.println(NOT_KNOWN);
            return;
        }
        try {
            MachineCode.function(new byte[] {(byte) 0xc3});
            System.out.println("ran");
        } catch (DeviceException.Unavailable refused) {
            System.out.println(refused.getMessage());
        }
        MachineDots dots = MachineDots.of(KernelChoice.FASTEST, true, false, null);
        System.out.println(dots.equals(new MachineDots(null, null, null, false, false)));
        System.out.println(MachineAttention.takes(4, 256));
    }
}
