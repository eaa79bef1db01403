package dev.jemma.models.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.Step;
import dev.jemma.kvcache.KvCache;
import dev.jemma.models.GemmaModel;
import dev.jemma.models.gemma.GemmaForward;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Decode steps replayed from a CUDA graph against the same steps launched kernel by kernel. */
class CudaReplayTest {
    private static final int STEPS = 1000;
    private static final String NO_GRAPHS = "jemma.cuda.noGraphs";

    private static Device open(boolean graphs) {
        System.setProperty(NO_GRAPHS, String.valueOf(!graphs));
        try {
            return Backends.open("cuda", DeviceOptions.DEFAULT).device();
        } catch (DeviceException.Unavailable unavailable) {
            return Assumptions.abort("no NVIDIA GPU to test: " + unavailable.getMessage());
        } finally {
            System.clearProperty(NO_GRAPHS);
        }
    }

    /** Bits of every step's logits, folded into one number a step, and of the last step's. */
    private static int[] run(String checkpoint, boolean graphs) {
        Path folder = Path.of(System.getProperty("jemma.golden"), checkpoint);
        try (Device device = open(graphs);
                GemmaModel model = GemmaModel.load(folder, device);
                KvCache cache =
                        KvCache.allocate(device, GemmaForward.cacheSpec(model.config(), 1, STEPS, 1, DType.F16));
                GemmaForward forward = new GemmaForward(model.config(), model.weights(), device, cache, 1, 1);
                CommandStream stream = device.openStream(forward.limits())) {
            int[] hashes = new int[STEPS];
            float[] logits = new float[model.config().vocabSize()];
            Step step = new Step(1, 1);
            for (int position = 0; position < STEPS; position++) {
                step.clear();
                step.addSpan(0, position, new int[] {position == 0 ? 5 : -1}, 0, 1, 1);
                Commands commands = stream.begin(step);
                forward.encode(commands, step);
                commands.argmax(forward.sampled(), forward.logits());
                stream.await(stream.submit());
                forward.logits().at().buffer().read(0, MemorySegment.ofArray(logits));
                hashes[position] = Arrays.hashCode(logits);
            }
            return hashes;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma3", "gemma3-mlx-4bit", "gemma4-e"})
    void thousandStepsAreTheSameToTheLastBit(String checkpoint) {
        assertThat(run(checkpoint, true)).as(checkpoint).isEqualTo(run(checkpoint, false));
    }

    @Test
    void hashesTellStepsApart() {
        int[] hashes = run("gemma3", true);
        assertThat(Arrays.stream(hashes).distinct().count()).isGreaterThan(STEPS / 2);
    }
}
