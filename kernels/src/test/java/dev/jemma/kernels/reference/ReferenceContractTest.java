package dev.jemma.kernels.reference;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.AddNormContract;
import dev.jemma.kernels.contract.AttentionContract;
import dev.jemma.kernels.contract.CacheContract;
import dev.jemma.kernels.contract.ExpertContract;
import dev.jemma.kernels.contract.MatmulContract;
import dev.jemma.kernels.contract.ResultContract;
import dev.jemma.kernels.contract.RowOpsContract;
import org.junit.jupiter.api.Nested;

/** The contract's cases are valid, and the oracle keeps to its outputs: against itself it could not differ. */
class ReferenceContractTest {
    @Nested
    class RowOps extends RowOpsContract {
        @Override
        protected Device open() {
            return new ReferenceDevice();
        }
    }

    @Nested
    class AddNorm extends AddNormContract {
        @Override
        protected Device open() {
            return new ReferenceDevice();
        }
    }

    @Nested
    class Matmul extends MatmulContract {
        @Override
        protected Device open() {
            return new ReferenceDevice();
        }
    }

    @Nested
    class Attention extends AttentionContract {
        @Override
        protected Device open() {
            return new ReferenceDevice();
        }
    }

    @Nested
    class Cache extends CacheContract {
        @Override
        protected Device open() {
            return new ReferenceDevice();
        }
    }

    @Nested
    class Experts extends ExpertContract {
        @Override
        protected Device open() {
            return new ReferenceDevice();
        }
    }

    @Nested
    class Results extends ResultContract {
        @Override
        protected Device open() {
            return new ReferenceDevice();
        }
    }
}
