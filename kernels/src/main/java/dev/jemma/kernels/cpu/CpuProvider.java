package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.DeviceProvider;

/** The CPU backend: needs nothing but the Vector API module, so it can always be opened. */
public final class CpuProvider implements DeviceProvider {
    @Override
    public String backend() {
        return "cpu";
    }

    @Override
    public int rank() {
        return 0;
    }

    @Override
    public Device open(DeviceOptions options) {
        int threads = options.threads() == 0 ? Runtime.getRuntime().availableProcessors() : options.threads();
        return new CpuDevice(threads);
    }
}
