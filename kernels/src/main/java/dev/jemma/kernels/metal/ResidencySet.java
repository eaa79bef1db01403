package dev.jemma.kernels.metal;

import dev.jemma.kernels.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Keeps all buffers resident while queues use them, so that a step after an idle time need not page weights in again.
 * macOS 15 and newer have residency sets; on older systems every method does nothing and Metal makes buffers resident
 * step by step.
 */
final class ResidencySet implements AutoCloseable {
    private final long set;
    private boolean changed;

    private ResidencySet(long set) {
        this.set = set;
    }

    static ResidencySet create(long device) {
        long descriptorClass = ObjC.classNamed("MTLResidencySetDescriptor");
        if (descriptorClass == 0 || !ObjC.responds(device, Messages.NEW_RESIDENCY_SET)) {
            return new ResidencySet(0);
        }
        long pool = ObjC.pushPool();
        long descriptor = Send.get(descriptorClass, Messages.NEW);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(ValueLayout.JAVA_LONG);
            long set = Send.get(device, Messages.NEW_RESIDENCY_SET, descriptor, error.address());
            if (set == 0) {
                throw new DeviceException.Unavailable(
                        "metal: no residency set: " + ObjC.describe(error.get(ValueLayout.JAVA_LONG, 0)));
            }
            return new ResidencySet(set);
        } finally {
            ObjC.release(descriptor);
            ObjC.popPool(pool);
        }
    }

    boolean exists() {
        return set != 0;
    }

    synchronized void add(long buffer) {
        if (exists()) {
            Send.send(set, Messages.ADD_ALLOCATION, buffer);
            changed = true;
        }
    }

    synchronized void remove(long buffer) {
        if (exists()) {
            Send.send(set, Messages.REMOVE_ALLOCATION, buffer);
            changed = true;
        }
    }

    /** Makes the set part of every command buffer of the queue. */
    void attach(long queue) {
        if (exists()) {
            Send.send(queue, Messages.ADD_RESIDENCY_SET, set);
        }
    }

    /** Applies what was added and removed, before work that uses it is committed. */
    synchronized void commit() {
        if (changed) {
            changed = false;
            Send.send(set, Messages.COMMIT);
            Send.send(set, Messages.REQUEST_RESIDENCY);
        }
    }

    /** The MTLResidencySet; 0 where the system has none. */
    long reference() {
        return set;
    }

    @Override
    public void close() {
        ObjC.release(set);
    }
}
