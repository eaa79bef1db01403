package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.x86.Operand.at;
import static dev.jemma.kernels.x86.Operand.zmm;

import dev.jemma.kernels.x86.Assembler.Condition;
import dev.jemma.kernels.x86.Gpr;
import dev.jemma.kernels.x86.Instruction;
import dev.jemma.kernels.x86.Operand.Memory;

/**
 * Writes the inner loops of {@link Bf16Dots} with AVX-512's dot products of BF16: four rows of weights are loaded once for
 * all tokens of a group. What groups have in common they find in the caches; while they do, rows further on are
 * asked for, so that the memory is never idle.
 */
final class Bf16DotCode extends FourRowsCode {
    /** Weights that a row is taken in. */
    static final int BLOCK = 32;

    private static final int WEIGHT = 0;
    private static final int TOKEN = 4;

    /** The next line of a row two further on: of the next row, lines would come too late (Zen 4: 5 % less). */
    private static final Gpr NEXT = Gpr.RBX;

    private static final Gpr APART = Gpr.RDX;

    /** Bytes to the lines that are asked for ahead within a row: further than for one token, which takes less time. */
    private static final int AHEAD = 1536;

    private static final int LEVEL = Ahead.of(16).level();

    private final int parts;

    /** Rows of four whose lines a group asks for: all groups together for all four. */
    private final int prefetched;

    private Bf16DotCode(int tokens, int parts, int groups) {
        super(tokens);
        this.parts = parts;
        prefetched = Math.ceilDiv(4, groups);
    }

    /**
     * @param tokens of a group
     * @param parts BF16 numbers whose sum an activation is
     * @param groups of tokens, at least
     */
    static byte[] of(int tokens, int parts, int groups) {
        return new Bf16DotCode(tokens, parts, groups).function();
    }

    @Override
    void constants() {}

    @Override
    void beginRows() {
        asm.mov(Gpr.RAX, Argument.WEIGHT_ROW.memory());
        asm.lea(NEXT, at(WEIGHTS[0], Gpr.RAX, 2));
    }

    @Override
    void products() {
        asm.mov(WEIGHT_AT, 0);
        asm.mov(APART, Argument.WEIGHTS_APART.memory());
        int next = asm.position();
        for (int row = 0; row < 4; row++) {
            Memory from = at(WEIGHTS[row], WEIGHT_AT, 1);
            asm.op(Instruction.VMOVDQU32, zmm(WEIGHT + row), from);
            if (prefetched == 4) {
                asm.prefetch(LEVEL, from.plus(AHEAD));
            }
        }
        if (prefetched < 4) {
            asm.prefetch(2, at(NEXT, 0));
            if (prefetched == 2) {
                asm.prefetch(2, at(NEXT, APART, 1));
            }
            asm.add(NEXT, 64);
        }
        for (int token = 0; token < tokens; token++) {
            for (int part = 0; part < parts; part++) {
                asm.op(Instruction.VMOVDQU32, zmm(TOKEN), at(X, 64 * (token * parts + part)));
                for (int row = 0; row < 4; row++) {
                    asm.op(Instruction.VDPBF16PS, sum(row, token), zmm(WEIGHT + row), zmm(TOKEN));
                }
            }
        }
        asm.add(X, 64 * tokens * parts);
        asm.add(WEIGHT_AT, 64);
        asm.cmp(WEIGHT_AT, Argument.WEIGHT_ROW.memory());
        asm.jump(Condition.BELOW, next);
        if (prefetched < 4) {
            skipToNextRows();
        }
    }

    /** From the end of a row that is asked for to the beginning of the next one. */
    private void skipToNextRows() {
        asm.lea(NEXT, at(NEXT, APART, prefetched));
        asm.mov(Gpr.RAX, Argument.MINUS_WEIGHT_ROW.memory());
        asm.lea(NEXT, at(NEXT, Gpr.RAX, 1));
    }
}
