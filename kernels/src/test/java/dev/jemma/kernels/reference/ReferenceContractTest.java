package dev.jemma.kernels.reference;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.CommandsContract;

/** The contract's cases are valid, and the oracle keeps to its outputs: against itself it could not differ. */
class ReferenceContractTest extends CommandsContract {
    @Override
    protected Device open() {
        return new ReferenceDevice();
    }
}
