package dev.jemma.kernels.x86;

/**
 * Instructions of AVX-512 (F, BW, DQ, VL, VNNI, BF16) by their EVEX encoding. Source: Intel 64 and IA-32 Architectures Software
 * Developer's Manual, volume 2.
 */
public enum Instruction {
    VMOVUPS(0, 1, 0, 0x10),
    /** The target is memory. */
    VMOVUPS_TO_MEMORY(0, 1, 0, 0x11),
    VMOVDQU32(2, 1, 0, 0x6f),
    VADDPS(0, 1, 0, 0x58),
    VMULPS(0, 1, 0, 0x59),
    VFMADD231PS(1, 2, 0, 0xb8),
    VCVTDQ2PS(0, 1, 0, 0x5b),
    VCVTPH2PS(1, 2, 0, 0x13),
    VPANDD(1, 1, 0, 0xdb),
    VPXORD(1, 1, 0, 0xef),
    VPDPBUSD(1, 2, 0, 0x50),
    VDPBF16PS(2, 2, 0, 0x52),
    VPMOVZXWD(1, 2, 0, 0x33),
    VPERMD(1, 2, 0, 0x36),
    VPERMW(1, 2, 1, 0x8d),
    VPBROADCASTW(1, 2, 0, 0x79),
    VPBROADCASTD(1, 2, 0, 0x58),
    VPBROADCASTQ(1, 2, 1, 0x59),
    VBROADCASTI32X4(1, 2, 0, 0x5a),
    VUNPCKLPS(0, 1, 0, 0x14),
    VUNPCKHPS(0, 1, 0, 0x15),
    VUNPCKLPD(1, 1, 1, 0x14),
    VUNPCKHPD(1, 1, 1, 0x15),
    /** With a count as the last operand; the manual's {@code /2}. */
    VPSRLW(1, 1, 0, 0x71, 2),
    /** With a count as the last operand; the manual's {@code /6}. */
    VPSLLD(1, 1, 0, 0x72, 6),
    /** The target is the second register or memory. */
    VEXTRACTF32X4(1, 3, 0, 0x19),
    /** The target is the second register or memory. */
    VEXTRACTF64X4(1, 3, 1, 0x1b),
    /** To memory. */
    VEXTRACTPS(1, 3, 0, 0x17);

    /** Of the prefixes none, 66, F3, F2. */
    final int prefix;

    /** 1 for 0F, 2 for 0F 38, 3 for 0F 3A. */
    final int map;

    final int w;
    final int opcode;

    /** What stands in the place of a register, or -1. */
    final int extension;

    Instruction(int prefix, int map, int w, int opcode) {
        this(prefix, map, w, opcode, -1);
    }

    Instruction(int prefix, int map, int w, int opcode, int extension) {
        this.prefix = prefix;
        this.map = map;
        this.w = w;
        this.opcode = opcode;
        this.extension = extension;
    }
}
