package dev.jemma.kernels.contract;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Steps, their order, and memory. All results are small whole numbers, which F32 adds exactly. */
public abstract class StreamContract extends ContractFixture {
    private static final int COLS = 257;

    private final Step step = new Step(4, 4);

    private DeviceBuffer floats(float value, int count) {
        DeviceBuffer buffer = device().allocate(DType.F32.bytes(count), "floats");
        float[] elements = new float[count];
        Arrays.fill(elements, value);
        buffer.write(0, MemorySegment.ofArray(elements));
        return buffer;
    }

    private static float[] read(DeviceBuffer buffer) {
        float[] elements = new float[(int) (buffer.byteSize() / Float.BYTES)];
        buffer.read(0, MemorySegment.ofArray(elements));
        return elements;
    }

    private static Tensor tensor(DeviceBuffer buffer) {
        return Tensor.f32(buffer, RowSet.ALL, COLS);
    }

    private void oneRow() {
        step.clear();
        step.addSpan(0, 0, new int[1], 0, 1, 1);
    }

    /** A random program of ops that move and add: each reads what others just wrote, whole or in slices. */
    @Test
    void opsSeeWhatOpsBeforeThemWrote() {
        for (int program = 0; program < 10; program++) {
            compare("program " + program, bench -> {
                bench.span(1, 0, 5, 5);
                Tensor[] tensors = new Tensor[4];
                for (int i = 0; i < tensors.length; i++) {
                    tensors[i] = bench.inOut("tensor " + i, RowSet.ALL, 96);
                    bench.compare(tensors[i], Tolerance.EXACT);
                }
                bench.run(c -> {
                    for (int op = 0; op < 80; op++) {
                        encodeRandomOp(bench, c, tensors);
                    }
                });
            });
        }
    }

    private static void encodeRandomOp(Bench bench, Commands c, Tensor[] tensors) {
        Tensor out = third(bench, tensors);
        Tensor a = third(bench, tensors);
        Tensor b = third(bench, tensors);
        switch (bench.random().nextInt(4)) {
            case 0 -> c.scale(out, -1);
            case 1 -> c.add(out, a, b, 0.5f);
            default -> {
                if (!out.equals(a)) {
                    c.copy(out, a);
                }
            }
        }
    }

    private static Tensor third(Bench bench, Tensor[] tensors) {
        return tensors[bench.random().nextInt(tensors.length)].columns(
                32 * bench.random().nextInt(3), 32);
    }

    @Test
    void stepsRunInOrderWithoutWaiting() {
        oneRow();
        try (DeviceBuffer sum = floats(0, COLS);
                DeviceBuffer one = floats(1, COLS)) {
            long first = 0;
            long last = 0;
            for (int i = 0; i < 50; i++) {
                Commands commands = stream().begin(step);
                commands.add(tensor(sum), tensor(sum), tensor(one), 1);
                last = stream().submit();
                first = i == 0 ? last : first;
                assertThat(last).isEqualTo(first + i);
            }
            stream().await(last);
            assertThat(read(sum)).containsOnly(50);
            stream().await(first);
            assertThat(stream().deviceNanos()).isNotNegative();
        }
    }

    /** Token t is followed by (5 t + 3) mod 16: a table with a one where the next token is, read by argmax. */
    @Test
    void sampledTokensReachTheNextStepWithoutWaiting() {
        int vocabulary = 16;
        float[] table = new float[vocabulary * vocabulary];
        int expected = 7;
        for (int token = 0; token < vocabulary; token++) {
            table[token * vocabulary + (5 * token + 3) % vocabulary] = 1;
        }
        try (DeviceBuffer weights = floats(0, table.length);
                DeviceBuffer logits = floats(0, vocabulary);
                DeviceBuffer ids = floats(0, 1);
                DeviceBuffer even = floats(0, 1);
                DeviceBuffer odd = floats(0, 1)) {
            weights.write(0, MemorySegment.ofArray(table));
            DenseWeight next = new DenseWeight(new Region(weights, 0), DType.F32, vocabulary, vocabulary);
            Tensor token = Tensor.i32(ids, RowSet.ALL, 1);
            Tensor row = Tensor.f32(logits, RowSet.ALL, vocabulary);
            long ticket = 0;
            for (int i = 0; i < 21; i++) {
                step.clear();
                step.addSpan(0, i, new int[] {i == 0 ? expected : -1}, 0, 1, 1);
                Commands commands = stream().begin(step);
                commands.tokens(token, Tensor.i32(i % 2 == 0 ? odd : even, RowSet.OUTPUT, 1));
                commands.embed(row, token, next, 1);
                commands.argmax(
                        Tensor.i32(i % 2 == 0 ? even : odd, RowSet.OUTPUT, 1),
                        Tensor.f32(logits, RowSet.OUTPUT, vocabulary));
                ticket = stream().submit();
            }
            stream().await(ticket);
            for (int i = 0; i < 21; i++) {
                expected = (5 * expected + 3) % vocabulary;
            }
            int[] sampled = new int[1];
            even.read(0, MemorySegment.ofArray(sampled));
            assertThat(sampled).containsExactly(expected);
        }
    }

    @Test
    void aStepMayBeRefilledOnceBegun() {
        step.clear();
        step.addSpan(1, 3, new int[] {8, 9, 10}, 0, 3, 1);
        try (DeviceBuffer ids = floats(0, 4);
                DeviceBuffer sampled = floats(0, 4)) {
            Commands commands = stream().begin(step);
            step.clear();
            step.addSpan(0, 0, new int[4], 0, 4, 4);
            commands.tokens(Tensor.i32(ids, RowSet.ALL, 1), Tensor.i32(sampled, RowSet.OUTPUT, 1));
            stream().await(stream().submit());
            int[] tokens = new int[4];
            ids.read(0, MemorySegment.ofArray(tokens));
            assertThat(tokens).containsExactly(8, 9, 10, 0);
        }
    }

    @Test
    void stepsAfterAnAbandonedOne() {
        oneRow();
        try (DeviceBuffer abandoned = floats(1, COLS);
                DeviceBuffer sum = floats(1, COLS)) {
            stream().begin(step).add(tensor(sum), tensor(sum), tensor(sum), 1);
            long ticket = stream().submit();
            stream().begin(step).scale(tensor(abandoned), 3);
            stream().abandon();
            stream().begin(step).add(tensor(sum), tensor(sum), tensor(sum), 1);
            assertThat(stream().submit()).isEqualTo(ticket + 1);
            stream().await(ticket + 1);
            assertThat(read(sum)).containsOnly(4);
        }
    }

    @Test
    void streamsOfOneDevice() {
        oneRow();
        try (CommandStream other = device().openStream(Bench.LIMITS);
                DeviceBuffer a = floats(1, COLS);
                DeviceBuffer b = floats(1, COLS)) {
            long ticket = 0;
            long otherTicket = 0;
            for (int i = 0; i < 10; i++) {
                Commands commands = stream().begin(step);
                Commands otherCommands = other.begin(step);
                commands.add(tensor(a), tensor(a), tensor(a), 1);
                otherCommands.add(tensor(b), tensor(b), tensor(b), 1.5f);
                otherTicket = other.submit();
                ticket = stream().submit();
            }
            stream().await(ticket);
            other.await(otherTicket);
            assertThat(read(a)).containsOnly(1024);
            assertThat(read(b)).containsOnly(59_049);
        }
    }

    @Test
    void memoryIsZeroedAndCounted() {
        long before = device().memory().allocatedBytes();
        try (DeviceBuffer buffer = device().allocate(100_003, "odd size")) {
            assertThat(buffer.label()).isEqualTo("odd size");
            assertThat(buffer.byteSize()).isEqualTo(100_003);
            assertThat(device().memory().allocatedBytes() - before).isGreaterThanOrEqualTo(100_003);
            byte[] content = new byte[100_003];
            buffer.read(0, MemorySegment.ofArray(content));
            assertThat(content).containsOnly(0);
            buffer.write(99_998, MemorySegment.ofArray(new byte[] {1, 2, 3, 4, 5}));
            byte[] end = new byte[7];
            buffer.read(99_996, MemorySegment.ofArray(end));
            assertThat(end).containsExactly(0, 0, 1, 2, 3, 4, 5);
        }
        assertThat(device().memory().allocatedBytes()).isEqualTo(before);
        assertThat(device().memory().totalBytes()).isPositive();
        assertThat(device().memory().availableBytes()).isPositive();
    }
}
