package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.x86.Operand.at;
import static dev.jemma.kernels.x86.Operand.zmm;

import dev.jemma.kernels.x86.Assembler;
import dev.jemma.kernels.x86.Assembler.Condition;
import dev.jemma.kernels.x86.Gpr;
import dev.jemma.kernels.x86.Instruction;
import dev.jemma.kernels.x86.Operand.Vector;

/**
 * Writes functions that multiply rows of weights, four at a time, with groups of up to four tokens: the loops around what
 * one group of tokens and four rows come to, and the sums of lanes. {@link FourRows} calls them.
 */
abstract class FourRowsCode {
    static final int MAX_TOKENS = 4;

    /** What a function reads from the address that it is given, 8 bytes each. Distances are in bytes. */
    enum Argument implements CodeArgument {
        WEIGHTS,
        WEIGHT_ROW,
        MINUS_WEIGHT_ROW,
        WEIGHTS_APART,
        /** From what is read to what is asked for. */
        AHEAD,
        OUT,
        OUT_ROW,
        OUT_APART,
        OUT_TOKEN,
        /** Activations of a group behind each other, groups this far apart. */
        X,
        X_GROUP,
        GROUPS,
        /** How often four rows are taken. Counted down. */
        COUNT,
        /** The next row of the first quarter. Changed. */
        ROW,
        /** Of quantized weights. */
        SCALES,
        BIASES,
        SCALE_ROW,
        SCALES_APART,
        /** Sums of activations of a group. */
        SUMS,
        SUMS_GROUP,
        /** Where a vector finds the scales of its lanes. */
        SPREAD,
        /** Bytes of a row's biases in whole vectors of floats. */
        WHOLE_BIASES,
        /** A bit for each bias behind those. */
        LAST_BIASES,
        /** Of the matrix, for {@link FourRows}. */
        FIRST_WEIGHTS,
        FIRST_SCALES,
        FIRST_BIASES,
        /** Of the loops themselves. */
        GROUPS_LEFT,
        X_NOW,
        SUMS_NOW,
        OUT_NOW;

        static final int BYTES = 8 * values().length;
    }

    private static final Gpr[] SAVED = {Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15};

    /** The four rows of weights. */
    static final Gpr[] WEIGHTS = {Gpr.R8, Gpr.R9, Gpr.R10, Gpr.R11};

    /** Offset into them. */
    static final Gpr WEIGHT_AT = Gpr.RBP;

    /** Activations that come next. */
    static final Gpr X = Gpr.RSI;

    final Assembler asm = new Assembler();
    final int tokens;

    /** @param tokens of a group: 1 to {@link #MAX_TOKENS} */
    FourRowsCode(int tokens) {
        this.tokens = tokens;
    }

    /** Loads what all rows need. Any register but RDI may be used. */
    abstract void constants();

    /** Comes before the groups of four rows. RAX, RBX, RCX, RDX and R12 to R15 are the subclass's. */
    abstract void beginRows();

    /** Adds the products of {@link #WEIGHTS} and the activations at {@link #X} to {@link #sum}s, which are zero. */
    abstract void products();

    /** Of a row and a token of the group. */
    static Vector sum(int row, int token) {
        return zmm(16 + 4 * token + row);
    }

    /** The whole function. */
    final byte[] function() {
        for (Gpr register : SAVED) {
            asm.push(register);
        }
        constants();
        int nextRows = asm.position();
        pointers(WEIGHTS, Argument.WEIGHT_ROW, Argument.WEIGHTS, Argument.WEIGHTS_APART);
        beginRows();
        beginGroups();
        int nextGroup = asm.position();
        for (int i = 0; i < 4 * tokens; i++) {
            Vector sum = sum(i % 4, i / 4);
            asm.op(Instruction.VPXORD, sum, sum, sum);
        }
        asm.mov(X, Argument.X_NOW.memory());
        products();
        store();
        add(Argument.X_NOW, Argument.X_GROUP);
        add(Argument.SUMS_NOW, Argument.SUMS_GROUP);
        countDown(Argument.GROUPS_LEFT, nextGroup);
        asm.mov(Gpr.RAX, Argument.ROW.memory());
        asm.add(Gpr.RAX, 1);
        asm.mov(Argument.ROW.memory(), Gpr.RAX);
        countDown(Argument.COUNT, nextRows);
        asm.vzeroupper();
        for (int i = SAVED.length - 1; i >= 0; i--) {
            asm.pop(SAVED[i]);
        }
        asm.ret();
        return asm.code();
    }

    private void beginGroups() {
        move(Argument.GROUPS_LEFT, Argument.GROUPS);
        move(Argument.X_NOW, Argument.X);
        move(Argument.SUMS_NOW, Argument.SUMS);
        asm.mov(Gpr.RCX, Argument.ROW.memory());
        asm.imul(Gpr.RCX, Argument.OUT_ROW.memory());
        asm.add(Gpr.RCX, Argument.OUT.memory());
        asm.mov(Argument.OUT_NOW.memory(), Gpr.RCX);
    }

    private void move(Argument to, Argument from) {
        asm.mov(Gpr.RCX, from.memory());
        asm.mov(to.memory(), Gpr.RCX);
    }

    private void add(Argument to, Argument value) {
        asm.mov(Gpr.RCX, to.memory());
        asm.add(Gpr.RCX, value.memory());
        asm.mov(to.memory(), Gpr.RCX);
    }

    private void countDown(Argument count, int again) {
        asm.mov(Gpr.RCX, count.memory());
        asm.add(Gpr.RCX, -1);
        asm.mov(count.memory(), Gpr.RCX);
        asm.jump(Condition.NOT_EQUAL, again);
    }

    /** Where the four rows lie whose turn it is. Uses RAX. */
    final void pointers(Gpr[] to, Argument rowBytes, Argument first, Argument apart) {
        asm.mov(to[0], Argument.ROW.memory());
        asm.imul(to[0], rowBytes.memory());
        asm.add(to[0], first.memory());
        asm.mov(Gpr.RAX, apart.memory());
        asm.lea(to[1], at(to[0], Gpr.RAX, 1));
        asm.lea(to[2], at(to[0], Gpr.RAX, 2));
        asm.lea(to[3], at(to[1], Gpr.RAX, 2));
    }

    /** Adds the lanes of sums, of a token's four all at once, and stores them. */
    private void store() {
        asm.mov(Gpr.RCX, Argument.OUT_NOW.memory());
        asm.mov(Gpr.RAX, Argument.OUT_APART.memory());
        for (int token = 0; token < tokens; token++) {
            Vector four = lanes(token);
            asm.lea(Gpr.RDX, at(Gpr.RCX, Gpr.RAX, 2));
            asm.extract(Instruction.VEXTRACTPS, at(Gpr.RCX, 0), four, 0);
            asm.extract(Instruction.VEXTRACTPS, at(Gpr.RCX, Gpr.RAX, 1), four, 1);
            asm.extract(Instruction.VEXTRACTPS, at(Gpr.RDX, 0), four, 2);
            asm.extract(Instruction.VEXTRACTPS, at(Gpr.RDX, Gpr.RAX, 1), four, 3);
            asm.add(Gpr.RCX, Argument.OUT_TOKEN.memory());
        }
        asm.mov(Argument.OUT_NOW.memory(), Gpr.RCX);
    }

    /** The four rows' sums for a token, each in a lane. */
    private Vector lanes(int token) {
        Vector a = sum(0, token);
        Vector b = sum(1, token);
        Vector c = sum(2, token);
        Vector d = sum(3, token);
        Vector t = zmm(0);
        asm.op(Instruction.VUNPCKLPS, t, a, b);
        asm.op(Instruction.VUNPCKHPS, a, a, b);
        asm.op(Instruction.VADDPS, a, a, t);
        asm.op(Instruction.VUNPCKLPS, t, c, d);
        asm.op(Instruction.VUNPCKHPS, c, c, d);
        asm.op(Instruction.VADDPS, c, c, t);
        asm.op(Instruction.VUNPCKLPD, t, a, c);
        asm.op(Instruction.VUNPCKHPD, a, a, c);
        asm.op(Instruction.VADDPS, a, a, t);
        asm.extract(Instruction.VEXTRACTF64X4, t.half(), a, 1);
        asm.op(Instruction.VADDPS, a.half(), a.half(), t.half());
        asm.extract(Instruction.VEXTRACTF32X4, t.half().half(), a.half(), 1);
        Vector four = t.half().half();
        asm.op(Instruction.VADDPS, four, four, a.half().half());
        return four;
    }
}
