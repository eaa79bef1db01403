package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.x86.Operand.at;
import static dev.jemma.kernels.x86.Operand.zmm;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.x86.Assembler.Condition;
import dev.jemma.kernels.x86.Gpr;
import dev.jemma.kernels.x86.Instruction;
import dev.jemma.kernels.x86.Operand;
import dev.jemma.kernels.x86.Operand.Memory;
import dev.jemma.kernels.x86.Operand.Vector;

/**
 * Writes the inner loops of {@link IntegerDots} with AVX-512's dot products of bytes. For every {@link #BLOCK} codes of a
 * row, the products with a token's highest digits are summed in 32-bit integers and shifted by 8, those with the next digits
 * added, and so on: {@code sum q x}, exact. The group's scale and the activations' factor take it into the row's sum of
 * floats. Two rows are unpacked at a time and multiplied with all tokens.
 */
final class IntegerDotCode extends FourRowsCode {
    /** Codes that a row is taken in. */
    static final int BLOCK = 128;

    /** Rows that are unpacked at a time. */
    private static final int PAIR = 2;

    private static final Gpr[] SCALES = {Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15};
    private static final Gpr SCALE_AT = Gpr.RAX;
    private static final Gpr SUMS = Gpr.RCX;

    /** Masks: the high half of every 32 bits; the biases behind whole vectors. */
    private static final int HIGH_HALVES = 1;

    private static final int LAST = 2;

    /** Registers, of which some are one for each row of a pair or for each plane of digits. */
    private static final int WORDS = 0;

    private static final int ODD = 2;
    private static final int SCALE = 4;
    private static final int PLANE = 6;
    private static final int MAX_PLANES = 4;
    private static final Vector DOTS = zmm(10);
    private static final Vector LOW_DOTS = zmm(11);
    private static final Vector FACTOR = zmm(12);

    /** For 4-bit codes 15 in every byte, for 8-bit ones 256 as a float in every lane. */
    private static final Vector CONSTANT = zmm(13);

    private static final int SPREAD = 14;

    private final Ahead ahead;

    private final int bits;
    private final int digits;
    private final DType scaleType;
    private final int scaleBytes;

    /** Vectors of codes in a block. */
    private final int vectors;

    /** Planes of digits of 64 bytes of codes. */
    private final int planes;

    private IntegerDotCode(int tokens, int digits, int bits, int groupSize, DType scaleType) {
        super(tokens);
        this.digits = digits;
        this.bits = bits;
        this.scaleType = scaleType;
        scaleBytes = scaleType.byteSize() * BLOCK / groupSize;
        vectors = BLOCK * bits / 8 / 64;
        ahead = Ahead.of(bits);
        planes = IntegerActivations.planes(digits, bits);
    }

    /**
     * @param tokens of a group
     * @param digits of the activations: 2 or 3
     * @param scaleType F32, F16 or BF16
     */
    static byte[] of(int tokens, int digits, AffineShape shape, DType scaleType) {
        return new IntegerDotCode(tokens, digits, shape.bits(), shape.groupSize(), scaleType).function();
    }

    @Override
    void constants() {
        asm.mov(Gpr.RAX, 0xaaaa_aaaa);
        asm.kmov(HIGH_HALVES, Gpr.RAX);
        asm.mov(Gpr.RAX, Argument.LAST_BIASES.memory());
        asm.kmov(LAST, Gpr.RAX);
        asm.mov(Gpr.RAX, bits == 4 ? 0x0f0f_0f0f : Float.floatToRawIntBits(256));
        asm.broadcast(CONSTANT, Gpr.RAX);
        asm.mov(Gpr.RAX, Argument.SPREAD.memory());
        for (int v = 0; v < vectors; v++) {
            asm.op(Instruction.VMOVUPS, zmm(SPREAD + v), at(Gpr.RAX, 64 * v));
        }
        askForFirstLines();
    }

    /** Those that nothing has asked for when their turn comes: half a per cent of a step. */
    private void askForFirstLines() {
        pointers(WEIGHTS, Argument.WEIGHT_ROW, Argument.WEIGHTS, Argument.WEIGHTS_APART);
        for (int line = 0; line < ahead.bytes(); line += 64) {
            for (Gpr row : WEIGHTS) {
                asm.prefetch(ahead.level(), at(row, line));
            }
        }
    }

    @Override
    void beginRows() {}

    @Override
    void products() {
        pointers(SCALES, Argument.SCALE_ROW, Argument.SCALES, Argument.SCALES_APART);
        asm.mov(WEIGHT_AT, 0);
        asm.mov(SCALE_AT, 0);
        int next = asm.position();
        for (int v = 0; v < vectors; v++) {
            for (int row = 0; row < 4; row += PAIR) {
                for (int i = 0; i < PAIR; i++) {
                    unpack(row + i, i, v);
                }
                for (int token = 0; token < tokens; token++) {
                    dots(row, token, v);
                }
            }
        }
        asm.add(X, vectors * tokens * IntegerActivations.unit(digits, bits));
        asm.add(SCALE_AT, scaleBytes);
        asm.add(WEIGHT_AT, 64 * vectors);
        asm.cmp(WEIGHT_AT, Argument.WEIGHT_ROW.memory());
        asm.jump(Condition.BELOW, next);
        biases();
    }

    /** Codes of the {@code v}-th vector of a block, and their scales. */
    private void unpack(int row, int i, int v) {
        Memory codes = at(WEIGHTS[row], WEIGHT_AT, 1).plus(64 * v);
        asm.op(Instruction.VMOVDQU32, zmm(WORDS + i), codes);
        asm.prefetch(ahead.level(), codes.plus(ahead.bytes()));
        if (bits == 4) {
            asm.shift(Instruction.VPSRLW, zmm(ODD + i), zmm(WORDS + i), 4);
            asm.op(Instruction.VPANDD, zmm(WORDS + i), zmm(WORDS + i), CONSTANT);
            asm.op(Instruction.VPANDD, zmm(ODD + i), zmm(ODD + i), CONSTANT);
        }
        scales(row, zmm(SCALE + i), v);
    }

    /** The scales of a vector's lanes. Reads no byte more than the block has. */
    private void scales(int row, Vector scale, int v) {
        Instruction broadcast = switch (scaleBytes) {
            case 2 -> Instruction.VPBROADCASTW;
            case 4 -> Instruction.VPBROADCASTD;
            case 8 -> Instruction.VPBROADCASTQ;
            case 16 -> Instruction.VBROADCASTI32X4;
            default -> throw new IllegalArgumentException(scaleBytes + " bytes of scales");
        };
        asm.op(broadcast, scale, at(SCALES[row], SCALE_AT, 1));
        Vector spread = zmm(SPREAD + v);
        switch (scaleType) {
            case BF16 -> asm.op(Instruction.VPERMW, scale, HIGH_HALVES, spread, scale);
            case F16 -> {
                asm.op(Instruction.VPERMW, scale.half(), spread.half(), scale.half());
                asm.op(Instruction.VCVTPH2PS, scale, scale.half());
            }
            case F32 -> asm.op(Instruction.VPERMD, scale, spread, scale);
            case I32 -> throw new IllegalArgumentException("scales are floating-point");
        }
    }

    /** Adds what the {@code v}-th vector of a block of a pair of rows comes to. */
    private void dots(int firstRow, int token, int v) {
        int unit = IntegerActivations.unit(digits, bits) * (v * tokens + token);
        if (planes <= MAX_PLANES) {
            for (int plane = 0; plane < planes; plane++) {
                asm.op(Instruction.VMOVDQU32, zmm(PLANE + plane), at(X, unit + 64 * plane));
            }
        }
        for (int i = 0; i < PAIR; i++) {
            Vector dots = bits == 4 ? dotsOfNibbles(i, unit) : dotsOfBytes(i, unit);
            asm.op(Instruction.VMULPS, FACTOR, zmm(SCALE + i), at(X, unit + 64 * planes));
            asm.op(Instruction.VFMADD231PS, sum(firstRow + i, token), dots, FACTOR);
        }
    }

    private Operand plane(int plane, int unit) {
        return planes <= MAX_PLANES ? zmm(PLANE + plane) : at(X, unit + 64 * plane);
    }

    /** Of a lane's eight codes: up to 2^30. */
    private Vector dotsOfNibbles(int i, int unit) {
        asm.op(Instruction.VPXORD, DOTS, DOTS, DOTS);
        for (int plane = 0; plane < planes; plane += 2) {
            if (plane > 0) {
                asm.shift(Instruction.VPSLLD, DOTS, DOTS, 8);
            }
            asm.op(Instruction.VPDPBUSD, DOTS, zmm(WORDS + i), plane(plane, unit));
            asm.op(Instruction.VPDPBUSD, DOTS, zmm(ODD + i), plane(plane + 1, unit));
        }
        asm.op(Instruction.VCVTDQ2PS, DOTS, DOTS);
        return DOTS;
    }

    /** Of a lane's four codes. Two digits come to 2^25; three would not fit, so the last is added as floats. */
    private Vector dotsOfBytes(int i, int unit) {
        asm.op(Instruction.VPXORD, DOTS, DOTS, DOTS);
        asm.op(Instruction.VPDPBUSD, DOTS, zmm(WORDS + i), plane(0, unit));
        asm.shift(Instruction.VPSLLD, DOTS, DOTS, 8);
        asm.op(Instruction.VPDPBUSD, DOTS, zmm(WORDS + i), plane(1, unit));
        asm.op(Instruction.VCVTDQ2PS, DOTS, DOTS);
        if (digits == 2) {
            return DOTS;
        }
        asm.op(Instruction.VPXORD, LOW_DOTS, LOW_DOTS, LOW_DOTS);
        asm.op(Instruction.VPDPBUSD, LOW_DOTS, zmm(WORDS + i), plane(2, unit));
        asm.op(Instruction.VCVTDQ2PS, LOW_DOTS, LOW_DOTS);
        asm.op(Instruction.VFMADD231PS, LOW_DOTS, DOTS, CONSTANT);
        return LOW_DOTS;
    }

    /** Adds the products of biases and sums of activations. */
    private void biases() {
        pointers(SCALES, Argument.SCALE_ROW, Argument.BIASES, Argument.SCALES_APART);
        asm.mov(SUMS, Argument.SUMS_NOW.memory());
        asm.mov(WEIGHT_AT, 0);
        asm.cmp(WEIGHT_AT, Argument.WHOLE_BIASES.memory());
        int noneWhole = asm.jump(Condition.NOT_BELOW);
        int next = asm.position();
        biases(0);
        asm.add(SUMS, 64 * tokens);
        asm.add(WEIGHT_AT, 16 * scaleType.byteSize());
        asm.cmp(WEIGHT_AT, Argument.WHOLE_BIASES.memory());
        asm.jump(Condition.BELOW, next);
        asm.land(noneWhole);
        biases(LAST);
    }

    private void biases(int mask) {
        Vector bias = zmm(SCALE);
        for (int row = 0; row < 4; row++) {
            Memory from = at(SCALES[row], WEIGHT_AT, 1);
            switch (scaleType) {
                case BF16 -> {
                    asm.op(Instruction.VPMOVZXWD, bias, mask, from);
                    asm.shift(Instruction.VPSLLD, bias, bias, 16);
                }
                case F16 -> asm.op(Instruction.VCVTPH2PS, bias, mask, from);
                case F32 -> asm.op(Instruction.VMOVUPS, bias, mask, from);
                case I32 -> throw new IllegalArgumentException("biases are floating-point");
            }
            for (int token = 0; token < tokens; token++) {
                asm.op(Instruction.VFMADD231PS, sum(row, token), bias, at(SUMS, 64 * token));
            }
        }
    }
}
