package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.x86.Operand.at;
import static dev.jemma.kernels.x86.Operand.zmm;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.x86.Assembler;
import dev.jemma.kernels.x86.Assembler.Condition;
import dev.jemma.kernels.x86.Gpr;
import dev.jemma.kernels.x86.Instruction;
import dev.jemma.kernels.x86.Operand.Memory;
import dev.jemma.kernels.x86.Operand.Vector;

/**
 * Writes the inner loops of {@link FloatDots}: rows of numbers that are made floats as they are loaded, times a group of
 * tokens. The Vector API (JDK 25) needs two passes for F16: to an array of floats, then products.
 */
final class FloatDotCode extends FourRowsCode {
    /** Numbers that a row is taken in. */
    static final int BLOCK = 32;

    private static final int LANES = 16;
    private static final int ROW = 0;
    private static final Vector TOKEN = zmm(4);

    private static final Gpr[] AHEAD = {Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15};

    private final DType dtype;

    /** Of the caches, where what is asked for ahead should come to. */
    private final int level;

    private FloatDotCode(int tokens, DType dtype, int level) {
        super(tokens);
        this.dtype = dtype;
        this.level = level;
    }

    /**
     * @param tokens of a group
     * @param dtype floating-point
     * @param level of the caches, where what is asked for ahead should come to: 1 or 2
     */
    static byte[] of(int tokens, DType dtype, int level) {
        return new FloatDotCode(tokens, dtype, level).function();
    }

    @Override
    void constants() {}

    @Override
    void beginRows() {
        asm.mov(Gpr.RAX, Argument.AHEAD.memory());
        for (int row = 0; row < 4; row++) {
            asm.lea(AHEAD[row], at(WEIGHTS[row], Gpr.RAX, 1));
        }
    }

    @Override
    void products() {
        int bytes = dtype.byteSize() * BLOCK;
        asm.mov(WEIGHT_AT, 0);
        int next = asm.position();
        for (int v = 0; v < BLOCK / LANES; v++) {
            for (int row = 0; row < 4; row++) {
                int from = dtype.byteSize() * LANES * v;
                load(asm, dtype, zmm(ROW + row), at(WEIGHTS[row], WEIGHT_AT, 1).plus(from));
                if (from % 64 == 0) {
                    asm.prefetch(level, at(AHEAD[row], WEIGHT_AT, 1).plus(from));
                }
            }
            for (int token = 0; token < tokens; token++) {
                asm.op(Instruction.VMOVUPS, TOKEN, at(X, 64 * (tokens * v + token)));
                for (int row = 0; row < 4; row++) {
                    asm.op(Instruction.VFMADD231PS, sum(row, token), zmm(ROW + row), TOKEN);
                }
            }
        }
        asm.add(X, 64 * tokens * BLOCK / LANES);
        asm.add(WEIGHT_AT, bytes);
        asm.cmp(WEIGHT_AT, Argument.WEIGHT_ROW.memory());
        asm.jump(Condition.BELOW, next);
    }

    /** 16 numbers as floats. */
    static void load(Assembler asm, DType dtype, Vector to, Memory from) {
        switch (dtype) {
            case F32 -> asm.op(Instruction.VMOVUPS, to, from);
            case F16 -> asm.op(Instruction.VCVTPH2PS, to, from);
            case BF16 -> {
                asm.op(Instruction.VPMOVZXWD, to, from);
                asm.shift(Instruction.VPSLLD, to, to, 16);
            }
            case I32 -> throw new IllegalArgumentException("weights are floating-point");
        }
    }
}
