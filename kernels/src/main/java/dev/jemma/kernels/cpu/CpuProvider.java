package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.DeviceProvider;
import dev.jemma.kernels.Finding;
import dev.jemma.kernels.host.HostMemory;
import dev.jemma.kernels.onednn.OneDnnLibrary;
import java.nio.ByteOrder;
import java.util.List;

/** The CPU backend: needs nothing but the Vector API module. */
public final class CpuProvider implements DeviceProvider {
    /** System property: {@code true} for products in F32 where operands would be rounded. */
    private static final String EXACT = "jemma.cpu.exact";

    @Override
    public String backend() {
        return "cpu";
    }

    @Override
    public int rank() {
        return 0;
    }

    @Override
    public List<Finding> examine(DeviceOptions options) {
        return List.of(oneDnn(), integerDots());
    }

    private static Finding oneDnn() {
        if (OneDnnUse.asked() == OneDnnUse.OFF) {
            return Finding.fact("onednn", "not used: -D" + OneDnnLibrary.PROPERTY + "=off");
        }
        OneDnnLibrary.Outcome outcome = OneDnnLibrary.outcome();
        return outcome.library() == null
                ? Finding.fact("onednn", "not used: " + outcome.reason())
                : Finding.passed("onednn", outcome.reason() + " multiplies prompts");
    }

    private static Finding integerDots() {
        if (Boolean.getBoolean(EXACT)) {
            return Finding.fact("integer dots", "not used: -D" + EXACT + "=true");
        }
        return IntegerDots.available()
                ? Finding.passed("integer dots", "AVX-512 VNNI multiplies quantized weights")
                : Finding.fact("integer dots", "not used: " + IntegerDots.obstacle());
    }

    /** Links to the C library, which takes 40 ms. */
    @Override
    public void prepare() {
        new HostMemory().memory();
    }

    @Override
    public Device open(DeviceOptions options) {
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new DeviceException.Unavailable("cpu: expected a little-endian machine; use --backend reference");
        }
        return new CpuDevice(options.threads(), OneDnnUse.asked(), Boolean.getBoolean(EXACT));
    }
}
