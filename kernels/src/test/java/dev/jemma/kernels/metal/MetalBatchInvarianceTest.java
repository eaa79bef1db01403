package dev.jemma.kernels.metal;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.BatchInvarianceContract;
import dev.jemma.kernels.contract.LayerSizes;
import java.util.List;

/** The shaders of batch-invariant streams, with sizes and steps for a GPU that is a processor. */
class MetalBatchInvarianceTest extends BatchInvarianceContract {
    @Override
    protected Device open() {
        return MetalContractTest.metal();
    }

    @Override
    protected List<LayerSizes> sizes() {
        return List.of(LayerSizes.SMALL);
    }

    @Override
    protected int[] stepRows() {
        return new int[] {17, 100};
    }
}
