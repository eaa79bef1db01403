package dev.jemma.kernels.contract;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.reference.ReferenceDevice;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;

/** The reference device with one op made wrong. */
final class MutantDevice implements Device {
    private final ReferenceDevice device = new ReferenceDevice();
    private final String op;
    private final Mutation mutation;

    /** What happens instead of an op. */
    @FunctionalInterface
    interface Mutation {
        /** @param arguments of the op, in the order of its parameters */
        void run(Commands correct, Object[] arguments);
    }

    MutantDevice(String op, Mutation mutation) {
        this.op = op;
        this.mutation = mutation;
    }

    @Override
    public boolean isAsynchronous() {
        return device.isAsynchronous();
    }

    @Override
    public CommandStream openStream(StepLimits limits, KernelChoice choice) {
        CommandStream stream = device.openStream(limits, choice);
        return new CommandStream() {
            @Override
            public Commands begin(Step step) {
                return mutate(stream.begin(step));
            }

            @Override
            public long submit() {
                return stream.submit();
            }

            @Override
            public void abandon() {
                stream.abandon();
            }

            @Override
            public void await(long ticket) {
                stream.await(ticket);
            }

            @Override
            public long deviceNanos() {
                return stream.deviceNanos();
            }

            @Override
            public void close() {
                stream.close();
            }
        };
    }

    private Commands mutate(Commands correct) {
        return (Commands) Proxy.newProxyInstance(
                Commands.class.getClassLoader(), new Class<?>[] {Commands.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals(op)) {
                        mutation.run(correct, arguments);
                        return null;
                    }
                    try {
                        return method.invoke(correct, arguments);
                    } catch (InvocationTargetException failure) {
                        throw failure.getCause();
                    }
                });
    }

    @Override
    public String backend() {
        return "mutant";
    }

    @Override
    public String description() {
        return "reference with a wrong " + op;
    }

    @Override
    public DeviceMemory memory() {
        return device.memory();
    }

    @Override
    public DeviceBuffer allocate(long byteSize, String label) {
        return device.allocate(byteSize, label);
    }

    @Override
    public Region adopt(MemorySegment bytes, String label) {
        return device.adopt(bytes, label);
    }

    @Override
    public void close() {
        device.close();
    }
}
