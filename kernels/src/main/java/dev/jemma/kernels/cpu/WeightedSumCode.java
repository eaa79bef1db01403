package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.x86.Operand.at;
import static dev.jemma.kernels.x86.Operand.zmm;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.x86.Assembler;
import dev.jemma.kernels.x86.Assembler.Condition;
import dev.jemma.kernels.x86.Gpr;
import dev.jemma.kernels.x86.Instruction;
import dev.jemma.kernels.x86.Operand.Vector;

/**
 * Writes functions that add weighted rows of F16 or F32 numbers to the sums of a few queries, as {@link MachineAttention}
 * wants them: {@code sums[lane] = sums[lane] * correction[lane] + sum over rows of weights[row, lane] * rows[row]}. Columns
 * are taken in blocks whose sums stay in registers.
 */
final class WeightedSumCode {
    /** Sums in registers at a time. */
    private static final int MOST_SUMS = 16;

    private static final int LANES = 16;

    /** What a function reads from the address that it is given, 8 bytes each. Distances are in bytes. */
    enum Argument implements CodeArgument {
        /** Block by block. Changed. */
        ROWS,
        ROW_BYTES,
        /** From a row to what is asked for. */
        AHEAD,
        NUM_ROWS,
        WEIGHTS,
        /** From a row's weights to the next one's. */
        WEIGHTS_BYTES,
        /** Block by block. Changed. */
        SUMS,
        SUMS_BYTES,
        CORRECTION,
        /** Counted down. */
        BLOCKS;

        static final int BYTES = 8 * values().length;
    }

    private static final int VALUE = 16;
    private static final Vector WEIGHT = zmm(20);

    private final Assembler asm = new Assembler();
    private final int lanes;
    private final DType dtype;
    private final int vectors;

    private WeightedSumCode(int lanes, DType dtype) {
        this.lanes = lanes;
        this.dtype = dtype;
        vectors = vectors(lanes);
    }

    /** Vectors of a block. */
    private static int vectors(int lanes) {
        return lanes <= 4 ? 4 : 2;
    }

    /** Columns of a block. */
    static int block(int lanes) {
        return LANES * vectors(lanes);
    }

    /**
     * @param lanes queries, 1 to 8
     * @param dtype F16 or F32
     */
    static byte[] of(int lanes, DType dtype) {
        if (lanes * vectors(lanes) > MOST_SUMS) {
            throw new IllegalArgumentException(lanes + " queries");
        }
        return new WeightedSumCode(lanes, dtype).function();
    }

    private byte[] function() {
        asm.mov(Gpr.R10, Argument.WEIGHTS_BYTES.memory());
        asm.mov(Gpr.R11, Argument.ROW_BYTES.memory());
        asm.mov(Gpr.RAX, Argument.AHEAD.memory());
        int nextBlock = asm.position();
        for (int i = 0; i < lanes * vectors; i++) {
            asm.op(Instruction.VPXORD, zmm(i), zmm(i), zmm(i));
        }
        addRows();
        store();
        step(Argument.ROWS, dtype.byteSize() * LANES * vectors);
        step(Argument.SUMS, 4 * LANES * vectors);
        step(Argument.BLOCKS, -1);
        asm.jump(Condition.NOT_EQUAL, nextBlock);
        asm.vzeroupper();
        asm.ret();
        return asm.code();
    }

    private void step(Argument argument, int by) {
        asm.mov(Gpr.RCX, argument.memory());
        asm.add(Gpr.RCX, by);
        asm.mov(argument.memory(), Gpr.RCX);
    }

    private Vector sum(int lane, int v) {
        return zmm(lane * vectors + v);
    }

    private void addRows() {
        int bytes = dtype.byteSize() * LANES;
        asm.mov(Gpr.R8, Argument.ROWS.memory());
        asm.mov(Gpr.R9, Argument.WEIGHTS.memory());
        asm.mov(Gpr.RCX, Argument.NUM_ROWS.memory());
        int nextRow = asm.position();
        for (int v = 0; v < vectors; v++) {
            FloatDotCode.load(asm, dtype, zmm(VALUE + v), at(Gpr.R8, bytes * v));
        }
        for (int line = 0; line < bytes * vectors; line += 64) {
            asm.prefetch(2, at(Gpr.R8, Gpr.RAX, 1).plus(line));
        }
        for (int lane = 0; lane < lanes; lane++) {
            asm.op(Instruction.VPBROADCASTD, WEIGHT, at(Gpr.R9, 4 * lane));
            for (int v = 0; v < vectors; v++) {
                asm.op(Instruction.VFMADD231PS, sum(lane, v), zmm(VALUE + v), WEIGHT);
            }
        }
        asm.lea(Gpr.R8, at(Gpr.R8, Gpr.R11, 1));
        asm.lea(Gpr.R9, at(Gpr.R9, Gpr.R10, 1));
        asm.add(Gpr.RCX, -1);
        asm.jump(Condition.NOT_EQUAL, nextRow);
    }

    private void store() {
        asm.mov(Gpr.RDX, Argument.SUMS.memory());
        asm.mov(Gpr.RSI, Argument.SUMS_BYTES.memory());
        asm.mov(Gpr.R9, Argument.CORRECTION.memory());
        for (int lane = 0; lane < lanes; lane++) {
            asm.op(Instruction.VPBROADCASTD, WEIGHT, at(Gpr.R9, 4 * lane));
            for (int v = 0; v < vectors; v++) {
                asm.op(Instruction.VFMADD231PS, sum(lane, v), WEIGHT, at(Gpr.RDX, 64 * v));
                asm.store(at(Gpr.RDX, 64 * v), sum(lane, v));
            }
            asm.lea(Gpr.RDX, at(Gpr.RDX, Gpr.RSI, 1));
        }
    }
}
