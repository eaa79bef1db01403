package dev.jemma.kernels.metal;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.gpu.FunctionConstants;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Mistakes at which Metal's validation ends the process; {@link MisuseTest} runs each in a process of its own. */
final class Misuse {
    private Misuse() {}

    public static void main(String[] arguments) {
        MetalDriver driver = MetalDriver.open(DeviceOptions.DEFAULT);
        switch (arguments[0]) {
            case "unbound buffer" -> unboundBuffer(driver);
            case "no threadgroup memory" -> noThreadgroupMemory(driver);
            case "release twice" -> releaseTwice(driver);
            case "no pool" -> Send.get(Send.get(driver.device(), Messages.NEW_COMMAND_QUEUE), Messages.COMMAND_BUFFER);
            case "no fence" -> noFence(driver);
            case "open encoder" -> openEncoder(driver);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    /** The second dispatch would find the first one's buffer if the stream left it bound. */
    private static void unboundBuffer(MetalDriver driver) {
        DeviceBuffer x = driver.allocate(256, "x");
        MetalStream stream = driver.openStream(true);
        var add = driver.pipeline(MetalTest.SHADERS, "add", FunctionConstants.NONE);
        MemorySegment one = Arena.global().allocateFrom(ValueLayout.JAVA_FLOAT, 1f);
        stream.begin(MetalTest.INPUTS);
        MetalTest.encodeAdd(stream, add, x, one);
        stream.pipeline(add);
        stream.bytes(1, one);
        stream.dispatch(2, 1, 1, 32, 1, 1);
        stream.submit();
    }

    private static void noThreadgroupMemory(MetalDriver driver) {
        DeviceBuffer x = driver.allocate(256, "x");
        MetalStream stream = driver.openStream(true);
        stream.begin(MetalTest.INPUTS);
        stream.pipeline(driver.pipeline(MetalTest.SHADERS, "total", FunctionConstants.NONE));
        stream.buffer(0, x, 0);
        stream.buffer(1, x, 0);
        stream.dispatch(1, 1, 1, 64, 1, 1);
        stream.submit();
    }

    private static void releaseTwice(MetalDriver driver) {
        long queue = Send.get(driver.device(), Messages.NEW_COMMAND_QUEUE);
        Send.send(queue, Messages.RELEASE);
        Send.send(queue, Messages.RELEASE);
    }

    private static void openEncoder(MetalDriver driver) {
        long pool = ObjC.pushPool();
        long commandBuffer = Send.get(Send.get(driver.device(), Messages.NEW_COMMAND_QUEUE), Messages.COMMAND_BUFFER);
        Send.get(commandBuffer, Messages.COMPUTE_ENCODER, 0);
        Send.send(commandBuffer, Messages.COMMIT);
        ObjC.popPool(pool);
    }

    /** Two command buffers of one queue that write the same buffer, as a stream would make them without its fence. */
    private static void noFence(MetalDriver driver) {
        long queue = Send.get(driver.device(), Messages.NEW_COMMAND_QUEUE);
        long x = ((MetalBuffer) driver.allocate(256, "x")).reference();
        MetalPipeline add = (MetalPipeline) driver.pipeline(MetalTest.SHADERS, "add", FunctionConstants.NONE);
        long pool = ObjC.pushPool();
        try (CommandTape tape = new CommandTape(true)) {
            tape.pipeline(add.reference());
            tape.buffer(0, x, 0);
            tape.bytes(1, Arena.global().allocateFrom(ValueLayout.JAVA_FLOAT, 1f));
            tape.dispatch(2, 1, 1, 32, 1, 1);
            for (int i = 0; i < 2; i++) {
                long commandBuffer = Send.get(queue, Messages.COMMAND_BUFFER);
                long encoder = Send.get(commandBuffer, Messages.COMPUTE_ENCODER, 1);
                tape.encode(encoder);
                Send.send(encoder, Messages.END_ENCODING);
                Send.send(commandBuffer, Messages.COMMIT);
            }
        } finally {
            ObjC.popPool(pool);
        }
    }
}
