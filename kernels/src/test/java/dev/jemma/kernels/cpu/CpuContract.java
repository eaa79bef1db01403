package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.BatchInvarianceContract;
import dev.jemma.kernels.contract.CommandsContract;
import dev.jemma.kernels.contract.LayerSizes;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Nested;

/** The contract on one number of threads, at the JVM's vector width; the build repeats it at others. */
abstract class CpuContract extends CommandsContract {
    private final int threads;
    private final OneDnnUse use;
    private final int coldSteps;

    CpuContract(int threads, OneDnnUse use) {
        this(threads, use, 0);
    }

    CpuContract(int threads, OneDnnUse use, int coldSteps) {
        this.threads = threads;
        this.use = use;
        this.coldSteps = coldSteps;
    }

    @Override
    protected final Device open() {
        return new CpuDevice(threads, use, true, coldSteps);
    }

    @Nested
    class BatchInvariance extends BatchInvarianceContract {
        @Override
        protected Device open() {
            return CpuContract.this.open();
        }

        /** The larger matrices, which take seconds, only as most users have them. */
        @Override
        protected List<LayerSizes> sizes() {
            return threads == 2 && Lanes.F.length() == FloatVector.SPECIES_PREFERRED.length()
                    ? super.sizes()
                    : List.of(LayerSizes.GEMMA_3_270M);
        }
    }
}
