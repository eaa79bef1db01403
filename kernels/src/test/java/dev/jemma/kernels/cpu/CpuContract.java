package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.AddNormContract;
import dev.jemma.kernels.contract.AttentionContract;
import dev.jemma.kernels.contract.CacheContract;
import dev.jemma.kernels.contract.ExpertContract;
import dev.jemma.kernels.contract.MatmulContract;
import dev.jemma.kernels.contract.ResultContract;
import dev.jemma.kernels.contract.RowOpsContract;
import org.junit.jupiter.api.Nested;

/** The contract on one number of threads, at the JVM's vector width; the build repeats it at others. */
abstract class CpuContract {
    private final int threads;

    CpuContract(int threads) {
        this.threads = threads;
    }

    @Nested
    class RowOps extends RowOpsContract {
        @Override
        protected Device open() {
            return new CpuDevice(threads);
        }
    }

    @Nested
    class AddNorm extends AddNormContract {
        @Override
        protected Device open() {
            return new CpuDevice(threads);
        }
    }

    @Nested
    class Matmul extends MatmulContract {
        @Override
        protected Device open() {
            return new CpuDevice(threads);
        }
    }

    @Nested
    class Attention extends AttentionContract {
        @Override
        protected Device open() {
            return new CpuDevice(threads);
        }
    }

    @Nested
    class Cache extends CacheContract {
        @Override
        protected Device open() {
            return new CpuDevice(threads);
        }
    }

    @Nested
    class Experts extends ExpertContract {
        @Override
        protected Device open() {
            return new CpuDevice(threads);
        }
    }

    @Nested
    class Results extends ResultContract {
        @Override
        protected Device open() {
            return new CpuDevice(threads);
        }
    }
}
