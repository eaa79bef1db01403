package dev.jemma.kernels.contract;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.reference.ReferenceDevice;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;

/** Runs cases on a backend and on the reference, and compares. One device and stream serve all tests of a class. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class ContractFixture {
    /** Rows of a step: a decode, too few to fill a tile, and one more than a tile. */
    static final int[] ROWS = {1, 2, 5, 33};

    /** Columns around the widths of vectors, thread groups and tiles. */
    static final int[] COLS = {1, 3, 7, 8, 31, 32, 33, 63, 64, 65, 255, 256, 257, 1023};

    /** {@code -Djemma.seed=n} repeats a failure or tries other inputs. */
    private static final long SEED = Long.getLong("jemma.seed", 20261121);

    private Device device;
    private CommandStream stream;
    private final Device reference = Backends.checked(new ReferenceDevice());
    private final CommandStream referenceStream = reference.openStream(Bench.LIMITS);

    /** The device under test; closed after the last test of the class. */
    protected abstract Device open();

    /** How exactly the backend computes. */
    protected Arithmetic arithmetic() {
        return Arithmetic.F32;
    }

    /** Which of the backend's kernels are tested. */
    protected KernelChoice choice() {
        return KernelChoice.FASTEST;
    }

    /** Experts of the model that the stream is opened for. */
    protected int numExperts() {
        return 0;
    }

    @BeforeAll
    final void openDevice() {
        device = Backends.checked(open());
        stream = device.openStream(Bench.limits(numExperts()), choice());
    }

    @AfterAll
    final void closeDevices() {
        stream.close();
        assertThat(device.memory().allocatedBytes()).as("bytes left allocated").isZero();
        device.close();
        referenceStream.close();
        reference.close();
    }

    final Device device() {
        return device;
    }

    final CommandStream stream() {
        return stream;
    }

    /** Runs one case on both devices and compares all its outputs. */
    final void compare(String name, Consumer<Bench> testCase) {
        long seed = SEED ^ name.hashCode();
        String what = name + " (jemma.seed " + SEED + ")";
        try (Bench expected = new Bench(reference, referenceStream, arithmetic(), seed);
                Bench actual = new Bench(device, stream, arithmetic(), seed)) {
            testCase.accept(expected);
            testCase.accept(actual);
            List<Result> wanted = expected.results("reference, " + what);
            List<Result> got = actual.results(what);
            assertThat(wanted).as("%s: outputs", what).isNotEmpty();
            for (int i = 0; i < wanted.size(); i++) {
                wanted.get(i).check(what, got.get(i));
            }
        }
    }
}
