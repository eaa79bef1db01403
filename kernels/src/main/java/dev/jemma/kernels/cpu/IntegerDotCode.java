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
 * Writes the inner loops of {@link IntegerDots} with AVX-512's dot products of bytes: four rows of codes at once, each
 * times one row of activations. For every {@link #BLOCK} codes of a row, the products with the activations' highest digits
 * are summed in 32-bit integers and shifted by 8, those with the next digits added, and so on: {@code sum q x}, exact. The
 * group's scale and the activations' factor take it into the row's sum of floats.
 */
final class IntegerDotCode {
    /** Codes that a row is taken in. */
    static final int BLOCK = 128;

    /** What the function reads from the address that it is given, 8 bytes each. Distances are in bytes. */
    enum Argument {
        CODES,
        CODE_ROW,
        CODES_APART,
        SCALES,
        BIASES,
        SCALE_ROW,
        SCALES_APART,
        OUT,
        OUT_APART,
        PLANES,
        FACTORS,
        SUMS,
        /** Where a vector finds the scales of its lanes. */
        SPREAD,
        /** Bytes of a row's biases in whole vectors of floats. */
        WHOLE_BIASES,
        /** A bit for each bias behind those. */
        LAST_BIASES,
        /** How often four rows are taken. Counted down. */
        COUNT,
        /** The next row of the first quarter. Changed. */
        ROW,
        /** The one after it. Changed. */
        NEXT_ROW,
        /** From a row to the next but one. */
        ROW_STEP;

        static final int BYTES = 8 * values().length;

        @SuppressWarnings("EnumOrdinal") // The order is the layout, for the code and for who calls it.
        int offset() {
            return 8 * ordinal();
        }

        Memory memory() {
            return at(Gpr.RDI, offset());
        }
    }

    private static final Gpr[] SAVED = {Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15};
    private static final Gpr[] CODES = {Gpr.R8, Gpr.R9, Gpr.R10, Gpr.R11};
    private static final Gpr[] SCALES = {Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15};

    /** Offsets into rows of codes and of scales. */
    private static final Gpr CODE_AT = Gpr.RBP;

    private static final Gpr SCALE_AT = Gpr.RAX;
    private static final Gpr PLANES = Gpr.RSI;
    private static final Gpr FACTORS = Gpr.RDX;
    private static final Gpr SUMS = Gpr.RCX;

    /** Masks: the high half of every 32 bits; the biases behind whole vectors. */
    private static final int HIGH_HALVES = 1;

    private static final int LAST = 2;

    /** Of activations: a register for each plane, from the first on. */
    private static final int PLANE = 0;

    private static final Vector FACTOR = zmm(6);
    private static final Vector WORDS = zmm(7);
    private static final Vector ODD = zmm(8);
    private static final Vector DOTS = zmm(9);
    private static final Vector LOW_DOTS = zmm(10);
    private static final Vector SPREAD_SCALE = zmm(11);
    private static final int SCALE = 12;
    private static final int SUM = 16;
    private static final int SPREAD = 28;

    /** For 4-bit codes 15 in every byte, for 8-bit ones 256 as a float in every lane. */
    private static final Vector CONSTANT = zmm(31);

    /** Lines that are asked for ahead: 46.7 instead of 44.4 GB/s with 512 bytes, less with 1024 (Zen 4). */
    private static final int AHEAD = 512;

    private final Assembler asm = new Assembler();
    private final int bits;
    private final int digits;
    private final DType scaleType;
    private final int scaleBytes;

    /** Vectors of codes in a block. */
    private final int vectors;

    private IntegerDotCode(int digits, int bits, int groupSize, DType scaleType) {
        this.digits = digits;
        this.bits = bits;
        this.scaleType = scaleType;
        scaleBytes = scaleType.byteSize() * BLOCK / groupSize;
        vectors = BLOCK * bits / 8 / 64;
    }

    /**
     * @param digits of the activations: 2 or 3
     * @param scaleType F32, F16 or BF16
     */
    static byte[] of(int digits, int bits, int groupSize, DType scaleType) {
        IntegerDotCode code = new IntegerDotCode(digits, bits, groupSize, scaleType);
        code.function();
        return code.asm.code();
    }

    private static Vector sum(int row) {
        return zmm(SUM + row);
    }

    private void function() {
        for (Gpr register : SAVED) {
            asm.push(register);
        }
        constants();
        int nextRows = asm.position();
        pointers(CODES, Argument.CODE_ROW, Argument.CODES, Argument.CODES_APART);
        pointers(SCALES, Argument.SCALE_ROW, Argument.SCALES, Argument.SCALES_APART);
        asm.mov(PLANES, Argument.PLANES.memory());
        asm.mov(FACTORS, Argument.FACTORS.memory());
        for (int row = 0; row < 4; row++) {
            asm.op(Instruction.VPXORD, sum(row), sum(row), sum(row));
        }
        blocks();
        biases();
        store();
        asm.mov(Gpr.RAX, Argument.ROW.memory());
        asm.add(Gpr.RAX, Argument.ROW_STEP.memory());
        asm.mov(Gpr.RCX, Argument.NEXT_ROW.memory());
        asm.mov(Argument.ROW.memory(), Gpr.RCX);
        asm.mov(Argument.NEXT_ROW.memory(), Gpr.RAX);
        asm.mov(Gpr.RCX, Argument.COUNT.memory());
        asm.add(Gpr.RCX, -1);
        asm.mov(Argument.COUNT.memory(), Gpr.RCX);
        asm.jump(Condition.NOT_EQUAL, nextRows);
        asm.vzeroupper();
        for (int i = SAVED.length - 1; i >= 0; i--) {
            asm.pop(SAVED[i]);
        }
        asm.ret();
    }

    private void constants() {
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
    }

    /** Of the four rows that are next. */
    private void pointers(Gpr[] to, Argument rowBytes, Argument first, Argument apart) {
        asm.mov(to[0], Argument.ROW.memory());
        asm.imul(to[0], rowBytes.memory());
        asm.add(to[0], first.memory());
        asm.mov(Gpr.RAX, apart.memory());
        asm.lea(to[1], at(to[0], Gpr.RAX, 1));
        asm.lea(to[2], at(to[0], Gpr.RAX, 2));
        asm.lea(to[3], at(to[1], Gpr.RAX, 2));
    }

    private void blocks() {
        asm.mov(CODE_AT, 0);
        asm.mov(SCALE_AT, 0);
        int next = asm.position();
        int planes = IntegerActivations.planes(digits, bits);
        for (int v = 0; v < vectors; v++) {
            for (int plane = 0; plane < planes; plane++) {
                asm.op(Instruction.VMOVDQU32, zmm(PLANE + plane), at(PLANES, 64 * (planes * v + plane)));
            }
            asm.op(Instruction.VMOVUPS, FACTOR, at(FACTORS, CODE_AT, 1).plus(64 * v));
            for (int row = 0; row < 4; row++) {
                dots(row, v);
            }
        }
        asm.add(PLANES, 64 * planes * vectors);
        asm.add(SCALE_AT, scaleBytes);
        asm.add(CODE_AT, 64 * vectors);
        asm.cmp(CODE_AT, Argument.CODE_ROW.memory());
        asm.jump(Condition.BELOW, next);
    }

    /** Adds what the {@code v}-th vector of a block comes to. */
    private void dots(int row, int v) {
        Memory codes = at(CODES[row], CODE_AT, 1).plus(64 * v);
        asm.op(Instruction.VMOVDQU32, WORDS, codes);
        asm.prefetch(codes.plus(AHEAD));
        asm.op(Instruction.VPXORD, DOTS, DOTS, DOTS);
        Vector dots = bits == 4 ? dotsOfNibbles() : dotsOfBytes();
        scales(row, v);
        asm.op(Instruction.VMULPS, SPREAD_SCALE, SPREAD_SCALE, FACTOR);
        asm.op(Instruction.VFMADD231PS, sum(row), dots, SPREAD_SCALE);
    }

    /** Of a lane's eight codes: up to 2^30. */
    private Vector dotsOfNibbles() {
        asm.shift(Instruction.VPSRLW, ODD, WORDS, 4);
        asm.op(Instruction.VPANDD, WORDS, WORDS, CONSTANT);
        asm.op(Instruction.VPANDD, ODD, ODD, CONSTANT);
        for (int plane = 0; plane < 2 * digits; plane += 2) {
            if (plane > 0) {
                asm.shift(Instruction.VPSLLD, DOTS, DOTS, 8);
            }
            asm.op(Instruction.VPDPBUSD, DOTS, WORDS, zmm(PLANE + plane));
            asm.op(Instruction.VPDPBUSD, DOTS, ODD, zmm(PLANE + plane + 1));
        }
        asm.op(Instruction.VCVTDQ2PS, DOTS, DOTS);
        return DOTS;
    }

    /** Of a lane's four codes. Two digits come to 2^25; three would not fit, so the last is added as floats. */
    private Vector dotsOfBytes() {
        asm.op(Instruction.VPDPBUSD, DOTS, WORDS, zmm(PLANE));
        asm.shift(Instruction.VPSLLD, DOTS, DOTS, 8);
        asm.op(Instruction.VPDPBUSD, DOTS, WORDS, zmm(PLANE + 1));
        asm.op(Instruction.VCVTDQ2PS, DOTS, DOTS);
        if (digits == 2) {
            return DOTS;
        }
        asm.op(Instruction.VPXORD, LOW_DOTS, LOW_DOTS, LOW_DOTS);
        asm.op(Instruction.VPDPBUSD, LOW_DOTS, WORDS, zmm(PLANE + 2));
        asm.op(Instruction.VCVTDQ2PS, LOW_DOTS, LOW_DOTS);
        asm.op(Instruction.VFMADD231PS, LOW_DOTS, DOTS, CONSTANT);
        return LOW_DOTS;
    }

    /** The scales of a vector's lanes. Reads no byte more than the block has. */
    private void scales(int row, int v) {
        Instruction broadcast = switch (scaleBytes) {
            case 2 -> Instruction.VPBROADCASTW;
            case 4 -> Instruction.VPBROADCASTD;
            case 8 -> Instruction.VPBROADCASTQ;
            case 16 -> Instruction.VBROADCASTI32X4;
            default -> throw new IllegalArgumentException(scaleBytes + " bytes of scales");
        };
        if (v == 0) {
            // A register for each row, as the next vector of the block wants it again.
            asm.op(broadcast, zmm(SCALE + row), at(SCALES[row], SCALE_AT, 1));
        }
        Vector scale = zmm(SCALE + row);
        Vector spread = zmm(SPREAD + v);
        switch (scaleType) {
            case BF16 -> asm.op(Instruction.VPERMW, SPREAD_SCALE, HIGH_HALVES, spread, scale);
            case F16 -> {
                asm.op(Instruction.VPERMW, SPREAD_SCALE.half(), spread.half(), scale.half());
                asm.op(Instruction.VCVTPH2PS, SPREAD_SCALE, SPREAD_SCALE.half());
            }
            case F32 -> asm.op(Instruction.VPERMD, SPREAD_SCALE, spread, scale);
            case I32 -> throw new IllegalArgumentException("scales are floating-point");
        }
    }

    /** Adds the products of biases and sums of activations. */
    private void biases() {
        pointers(SCALES, Argument.SCALE_ROW, Argument.BIASES, Argument.SCALES_APART);
        asm.mov(SUMS, Argument.SUMS.memory());
        asm.mov(CODE_AT, 0);
        asm.cmp(CODE_AT, Argument.WHOLE_BIASES.memory());
        int noneWhole = asm.jump(Condition.NOT_BELOW);
        int next = asm.position();
        biases(0);
        asm.add(CODE_AT, 16 * scaleType.byteSize());
        asm.cmp(CODE_AT, Argument.WHOLE_BIASES.memory());
        asm.jump(Condition.BELOW, next);
        asm.land(noneWhole);
        biases(LAST);
    }

    private void biases(int mask) {
        asm.op(Instruction.VMOVUPS, FACTOR, at(SUMS, CODE_AT, 4 / scaleType.byteSize()));
        Vector bias = SPREAD_SCALE;
        for (int row = 0; row < 4; row++) {
            Memory from = at(SCALES[row], CODE_AT, 1);
            switch (scaleType) {
                case BF16 -> {
                    asm.op(Instruction.VPMOVZXWD, bias, mask, from);
                    asm.shift(Instruction.VPSLLD, bias, bias, 16);
                }
                case F16 -> asm.op(Instruction.VCVTPH2PS, bias, mask, from);
                case F32 -> asm.op(Instruction.VMOVUPS, bias, mask, from);
                case I32 -> throw new IllegalArgumentException("biases are floating-point");
            }
            asm.op(Instruction.VFMADD231PS, sum(row), bias, FACTOR);
        }
    }

    /** Adds the lanes of the four sums, all four at once, and stores them. */
    private void store() {
        Vector a = zmm(0);
        Vector b = zmm(1);
        Vector c = zmm(2);
        asm.op(Instruction.VUNPCKLPS, a, sum(0), sum(1));
        asm.op(Instruction.VUNPCKHPS, b, sum(0), sum(1));
        asm.op(Instruction.VADDPS, a, a, b);
        asm.op(Instruction.VUNPCKLPS, b, sum(2), sum(3));
        asm.op(Instruction.VUNPCKHPS, c, sum(2), sum(3));
        asm.op(Instruction.VADDPS, b, b, c);
        asm.op(Instruction.VUNPCKLPD, c, a, b);
        asm.op(Instruction.VUNPCKHPD, a, a, b);
        asm.op(Instruction.VADDPS, a, a, c);
        asm.extract(Instruction.VEXTRACTF64X4, b.half(), a, 1);
        asm.op(Instruction.VADDPS, a.half(), a.half(), b.half());
        asm.extract(Instruction.VEXTRACTF32X4, b.half().half(), a.half(), 1);
        Vector four = a.half().half();
        asm.op(Instruction.VADDPS, four, four, b.half().half());
        asm.mov(Gpr.RAX, Argument.ROW.memory());
        asm.mov(Gpr.RCX, Argument.OUT.memory());
        asm.lea(Gpr.RCX, at(Gpr.RCX, Gpr.RAX, 4));
        asm.mov(Gpr.RAX, Argument.OUT_APART.memory());
        asm.lea(Gpr.RDX, at(Gpr.RCX, Gpr.RAX, 2));
        asm.extract(Instruction.VEXTRACTPS, at(Gpr.RCX, 0), four, 0);
        asm.extract(Instruction.VEXTRACTPS, at(Gpr.RCX, Gpr.RAX, 1), four, 1);
        asm.extract(Instruction.VEXTRACTPS, at(Gpr.RDX, 0), four, 2);
        asm.extract(Instruction.VEXTRACTPS, at(Gpr.RDX, Gpr.RAX, 1), four, 3);
    }
}
