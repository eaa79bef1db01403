package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.DeviceProvider;
import java.nio.ByteOrder;

/** The CPU backend: needs nothing but the Vector API module. */
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
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new DeviceException.Unavailable("cpu: expected a little-endian machine; use --backend reference");
        }
        return new CpuDevice(options.threads());
    }
}
