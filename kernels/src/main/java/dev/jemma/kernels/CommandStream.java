package dev.jemma.kernels;

/**
 * Runs steps in order on one device. Use: {@code Commands c = stream.begin(step)}, ops on {@code c}, {@link #submit},
 * and {@link #await} before the host reads a result. A step may be begun while earlier ones still run.
 */
public interface CommandStream extends AutoCloseable {
    /** Starts encoding a step; {@code step} is read before this returns and may be reused afterwards. */
    Commands begin(Step step);

    /**
     * Ends the step that was begun and gives it to the device.
     *
     * @return a ticket that rises by one with each step
     */
    long submit();

    /** Abandons the step that was begun without running what is still unsubmitted. Its outputs are undefined. */
    void abandon();

    /**
     * Waits until the step with this ticket, and all before it, have ended.
     *
     * @throws DeviceException if one of them failed
     */
    void await(long ticket);

    /** Device time in nanoseconds of the newest step that was awaited; host time where the device keeps none. */
    long deviceNanos();

    /** Waits for submitted steps and releases the stream's memory. */
    @Override
    void close();
}
