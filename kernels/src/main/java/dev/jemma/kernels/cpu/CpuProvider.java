package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.DeviceProvider;
import dev.jemma.kernels.Finding;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.host.HostMemory;
import dev.jemma.kernels.onednn.OneDnn;
import dev.jemma.kernels.onednn.OneDnnLibrary;
import java.nio.ByteOrder;
import java.util.ArrayList;
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
        return List.of(oneDnn(), machineCode());
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

    /** Which products of few rows {@link GroupedDots} compute. */
    private static Finding machineCode() {
        if (Boolean.getBoolean(EXACT)) {
            return Finding.fact("machine code", "not used: -D" + EXACT + "=true");
        }
        OneDnn dnn = OneDnnUse.asked() == OneDnnUse.OFF
                ? null
                : OneDnnLibrary.outcome().library();
        MachineDots dots = MachineDots.of(KernelChoice.FASTEST, true, false, dnn);
        List<String> uses = new ArrayList<>();
        if (dots.integers() != null) {
            uses.add("quantized weights (AVX-512 VNNI)");
        }
        if (dots.bf16() != null) {
            uses.add("BF16 weights of several rows (AVX-512 BF16)");
        }
        if (dots.floats() != null) {
            uses.add("other weights that are not quantized, and attention (AVX-512)");
        }
        return dots.integers() == null
                ? Finding.fact(
                        "machine code",
                        String.join("; ", uses) + (uses.isEmpty() ? "" : "; ") + "no integer dots: "
                                + IntegerDots.obstacle())
                : Finding.passed("machine code", String.join("; ", uses));
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
