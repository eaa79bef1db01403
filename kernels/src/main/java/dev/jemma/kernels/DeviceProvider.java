package dev.jemma.kernels;

import java.util.List;

/** Opens one backend's device; found with {@link java.util.ServiceLoader}. */
public interface DeviceProvider {
    /** Name as users type it: {@code cpu}. */
    String backend();

    /** Preference when the user does not say: the available backend with the highest rank is taken; negative: never. */
    int rank();

    /** Does what {@link #open} needs of the JVM once, so that it can pass while something else is waited for. */
    default void prepare() {}

    /**
     * Opens the device.
     *
     * @throws DeviceException.Unavailable with the reason and what to do, if it cannot be used here
     */
    Device open(DeviceOptions options);

    /**
     * Looks closer than {@link #open} does: limits, and whatever could be wrong with this machine's drivers or with
     * kernels that only this machine can compile. Called by {@code doctor} for backends that can be opened.
     */
    default List<Finding> examine(DeviceOptions options) {
        return List.of();
    }
}
