package dev.jemma.kernels;

/** Opens one backend's device; found with {@link java.util.ServiceLoader}. */
public interface DeviceProvider {
    /** Name as users type it: {@code cpu}. */
    String backend();

    /** Preference when the user does not say: the available backend with the highest rank is taken; negative: never. */
    int rank();

    /**
     * Opens the device.
     *
     * @throws DeviceException.Unavailable with the reason and what to do, if it cannot be used here
     */
    Device open(DeviceOptions options);
}
