package dev.jemma.models.synthetic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.Region;
import dev.jemma.models.GemmaModel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FillingDeviceTest {
    private static Device cpu() {
        return Backends.open("cpu", DeviceOptions.DEFAULT).device();
    }

    /** More than a row and more than all rows of a seed, with a rest. */
    @Test
    void matricesHaveTheDeviationOfRealOnes() {
        long byteSize = (1024 + 3) * 65536L + 4096;
        try (Arena arena = Arena.ofShared();
                FillingDevice device = new FillingDevice(cpu(), 16)) {
            MemorySegment hole = arena.allocate(byteSize, 64);
            Region region = device.adopt(hole, "weight");
            byte[] bytes = new byte[(int) byteSize];
            region.buffer().read(0, MemorySegment.ofArray(bytes));
            region.buffer().close();
            var values = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer();
            int count = values.remaining();
            double sum = 0;
            double squares = 0;
            double lastSquares = 0;
            for (int i = 0; i < count; i++) {
                float value = Float.intBitsToFloat(values.get(i) << 16);
                sum += value;
                squares += value * value;
                lastSquares += i < count - 2048 ? 0 : value * value;
            }
            // Blocks repeat, so the mean is that of 2^20 drawn values or more: 0.02 / 2^10, six times over.
            assertThat(sum / count).isCloseTo(0, within(1.2e-4));
            assertThat(Math.sqrt(squares / count)).isCloseTo(0.02, within(2e-4));
            // 2048 values: the deviation's own deviation is 0.02 / sqrt(4096), six times over.
            assertThat(Math.sqrt(lastSquares / 2048)).isCloseTo(0.02, within(1.9e-3));
        }
    }

    @Test
    void outlineLoads(@TempDir Path folder) throws Exception {
        Path outline = folder.resolve("outline");
        SyntheticModel.writeOutline("gemma-3-270m", 4, outline);
        Path weights = outline.resolve("model.safetensors");
        assertThat(Files.size(weights)).isGreaterThan(140_000_000);
        try (FillingDevice device = new FillingDevice(cpu(), 4);
                GemmaModel model = GemmaModel.load(outline, device)) {
            assertThat(model.parameterCount()).isEqualTo(SyntheticModel.parameters("gemma-3-270m"));
            // 268 million weights of 4.5 bits, and vectors that are not counted.
            assertThat(device.bytesPerStep(model.config()) / 1e6).isCloseTo(151, within(2.0));
        }
    }
}
