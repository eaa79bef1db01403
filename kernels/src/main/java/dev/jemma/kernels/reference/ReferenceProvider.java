package dev.jemma.kernels.reference;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.DeviceProvider;

/** Opens the reference device, which is never chosen unless asked for. */
public final class ReferenceProvider implements DeviceProvider {
    @Override
    public String backend() {
        return "reference";
    }

    @Override
    public int rank() {
        return -1;
    }

    @Override
    public Device open(DeviceOptions options) {
        return new ReferenceDevice();
    }
}
