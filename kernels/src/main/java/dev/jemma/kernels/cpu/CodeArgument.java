package dev.jemma.kernels.cpu;

import dev.jemma.kernels.x86.Gpr;
import dev.jemma.kernels.x86.Operand;

/** A constant of an enum that lists what a function of machine code is given: numbers of 8 bytes, in the enum's order. */
interface CodeArgument {
    int ordinal();

    /** From the first of them. */
    default int offset() {
        return 8 * ordinal();
    }

    /** Where the function finds it, whose only argument is the address of the first. */
    default Operand.Memory memory() {
        return Operand.at(Gpr.RDI, offset());
    }
}
