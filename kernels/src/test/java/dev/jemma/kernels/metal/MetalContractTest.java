package dev.jemma.kernels.metal;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.contract.AddNormContract;
import dev.jemma.kernels.contract.AttentionContract;
import dev.jemma.kernels.contract.CacheContract;
import dev.jemma.kernels.contract.ExpertContract;
import dev.jemma.kernels.contract.MatmulContract;
import dev.jemma.kernels.contract.ResultContract;
import dev.jemma.kernels.contract.RowOpsContract;
import dev.jemma.kernels.gpu.GpuDevice;
import dev.jemma.kernels.softmetal.SoftMetal;
import org.junit.jupiter.api.Nested;

/** Every op of the shaders against the reference, on a Mac's Metal or on the software Metal, where fresh memory is NaN. */
class MetalContractTest {
    static Device metal() {
        boolean mac = System.getProperty("os.name").startsWith("Mac");
        return new GpuDevice(MetalDriver.open(
                new DeviceOptions(0, mac ? null : SoftMetal.library().toString())));
    }

    @Nested
    class RowOps extends RowOpsContract {
        @Override
        protected Device open() {
            return metal();
        }
    }

    @Nested
    class AddNorm extends AddNormContract {
        @Override
        protected Device open() {
            return metal();
        }
    }

    @Nested
    class Matmul extends MatmulContract {
        @Override
        protected Device open() {
            return metal();
        }
    }

    @Nested
    class Attention extends AttentionContract {
        @Override
        protected Device open() {
            return metal();
        }
    }

    @Nested
    class Cache extends CacheContract {
        @Override
        protected Device open() {
            return metal();
        }
    }

    @Nested
    class Experts extends ExpertContract {
        @Override
        protected Device open() {
            return metal();
        }
    }

    @Nested
    class Results extends ResultContract {
        @Override
        protected Device open() {
            return metal();
        }
    }
}
