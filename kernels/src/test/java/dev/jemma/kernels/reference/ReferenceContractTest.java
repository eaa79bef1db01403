package dev.jemma.kernels.reference;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.BatchInvarianceContract;
import dev.jemma.kernels.contract.CommandsContract;
import dev.jemma.kernels.contract.LayerSizes;
import java.util.List;
import org.junit.jupiter.api.Nested;

/** The contract's cases are valid, and the oracle keeps to its outputs: against itself it could not differ. */
class ReferenceContractTest extends CommandsContract {
    @Override
    protected Device open() {
        return new ReferenceDevice();
    }

    @Nested
    class BatchInvariance extends BatchInvarianceContract {
        @Override
        protected Device open() {
            return ReferenceContractTest.this.open();
        }

        @Override
        protected List<LayerSizes> sizes() {
            return List.of(LayerSizes.SMALL);
        }
    }
}
