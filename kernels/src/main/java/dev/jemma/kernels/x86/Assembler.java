package dev.jemma.kernels.x86;

import dev.jemma.kernels.x86.Operand.Memory;
import dev.jemma.kernels.x86.Operand.Vector;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Writes x86-64 instructions one behind the other. Operands are in Intel's order, the target first. Displacements and jumps
 * always take four bytes: code is a little longer than it could be.
 */
public final class Assembler {
    private static final int NO_VECTOR = 0;

    /** Room for a function. */
    private static final int MOST_BYTES = 1 << 14;

    private final ByteBuffer code = ByteBuffer.allocate(MOST_BYTES).order(ByteOrder.LITTLE_ENDIAN);

    /** Conditions of jumps, by the manual's numbers. */
    public enum Condition {
        BELOW(2),
        NOT_BELOW(3),
        NOT_EQUAL(5);

        private final int number;

        Condition(int number) {
            this.number = number;
        }
    }

    /** The instructions so far. */
    public byte[] code() {
        return Arrays.copyOf(code.array(), code.position());
    }

    /** Where the next instruction will lie: a target for {@link #jump}. */
    public int position() {
        return code.position();
    }

    public void push(Gpr register) {
        shortForm(0x50, register);
    }

    public void pop(Gpr register) {
        shortForm(0x58, register);
    }

    public void ret() {
        bytes(0xc3);
    }

    public void mov(Gpr to, Memory from) {
        general(0x8b, to, from);
    }

    public void mov(Memory to, Gpr from) {
        general(0x89, from, to);
    }

    public void lea(Gpr to, Memory address) {
        general(0x8d, to, address);
    }

    public void add(Gpr to, Memory from) {
        general(0x03, to, from);
    }

    public void cmp(Gpr a, Memory b) {
        general(0x3b, a, b);
    }

    public void imul(Gpr to, Memory by) {
        rex(to, by);
        bytes(0x0f, 0xaf);
        memory(to.low(), by);
    }

    public void add(Gpr to, int value) {
        bytes(0x48 | to.high(), 0x81, 0xc0 | to.low());
        int32(value);
    }

    /** The upper half becomes zero. */
    public void mov(Gpr to, int value) {
        if (to.high() != 0) {
            bytes(0x41);
        }
        bytes(0xb8 | to.low());
        int32(value);
    }

    /** Back to an earlier {@link #position} if the last comparison or sum came out so. */
    public void jump(Condition condition, int to) {
        bytes(0x0f, 0x80 | condition.number);
        int32(to - position() - 4);
    }

    /** Ahead, to what {@link #land} will say. */
    public int jump(Condition condition) {
        jump(condition, 0);
        return position();
    }

    /** The next instruction is where that jump leads. */
    public void land(int jump) {
        code.putInt(jump - 4, position() - jump);
    }

    /** Asks for the line of an address, which need not exist, in the caches from this {@code level} on: 1 or 2. */
    public void prefetch(int level, Memory address) {
        int high = address.base().high() | indexHigh(address) << 1;
        if (high != 0) {
            bytes(0x40 | high);
        }
        bytes(0x0f, 0x18);
        memory(level, address);
    }

    /** The lower 32 bits of a register as a mask. */
    public void kmov(int mask, Gpr from) {
        bytes(0xc5, 0xfb, 0x92, 0xc0 | mask << 3 | from.low());
        if (from.high() != 0) {
            throw new IllegalArgumentException("kmov from " + from);
        }
    }

    public void vzeroupper() {
        bytes(0xc5, 0xf8, 0x77);
    }

    public void op(Instruction instruction, Vector to, Vector a, Operand b) {
        evex(instruction, to, a.number(), b, to.length(), 0);
    }

    public void op(Instruction instruction, Vector to, Operand from) {
        evex(instruction, to, NO_VECTOR, from, to.length(), 0);
    }

    /** Elements that the mask leaves out become zero; memory behind them is not touched. */
    public void op(Instruction instruction, Vector to, int mask, Operand from) {
        evex(instruction, to, NO_VECTOR, from, to.length(), mask);
    }

    /** Elements that the mask leaves out become zero. */
    public void op(Instruction instruction, Vector to, int mask, Vector a, Operand b) {
        evex(instruction, to, a.number(), b, to.length(), mask);
    }

    public void shift(Instruction instruction, Vector to, Vector from, int count) {
        Vector extension = new Vector(instruction.extension, to.bits());
        evex(instruction, extension, to.number(), from, to.length(), 0);
        bytes(count);
    }

    public void store(Memory to, Vector from) {
        evex(Instruction.VMOVUPS_TO_MEMORY, from, NO_VECTOR, to, from.length(), 0);
    }

    /** The {@code part}-th element or part of a register. */
    public void extract(Instruction instruction, Operand to, Vector from, int part) {
        evex(instruction, from, NO_VECTOR, to, from.length(), 0);
        bytes(part);
    }

    /** One broadcast of a register's lower 32 bits. */
    public void broadcast(Vector to, Gpr from) {
        // The register takes the place of a vector's, in the form of its own that reads it.
        prefix(1, 2, 0, to, NO_VECTOR, 0, from.high(), to.length(), 0);
        bytes(0x7c, 0xc0 | (to.number() & 7) << 3 | from.low());
    }

    private void evex(Instruction in, Vector reg, int second, Operand rm, int length, int mask) {
        switch (rm) {
            case Vector v -> {
                prefix(in.prefix, in.map, in.w, reg, second, v.number() >> 4, v.number() >> 3 & 1, length, mask);
                bytes(in.opcode, 0xc0 | (reg.number() & 7) << 3 | (v.number() & 7));
            }
            case Memory m -> {
                prefix(
                        in.prefix,
                        in.map,
                        in.w,
                        reg,
                        second,
                        indexHigh(m),
                        m.base().high(),
                        length,
                        mask);
                bytes(in.opcode);
                memory(reg.number() & 7, m);
            }
        }
    }

    /** @param x the fifth bit of an index or the fifth of a vector, {@code b} the fourth of a base or vector */
    private void prefix(int prefix, int map, int w, Vector reg, int second, int x, int b, int length, int mask) {
        int r = reg.number();
        bytes(
                0x62,
                (~r >> 3 & 1) << 7 | (~x & 1) << 6 | (~b & 1) << 5 | (~r >> 4 & 1) << 4 | map,
                w << 7 | (~second & 15) << 3 | 4 | prefix,
                (mask == 0 ? 0 : 0x80) | length << 5 | (~second >> 4 & 1) << 3 | mask);
    }

    private void shortForm(int opcode, Gpr register) {
        if (register.high() != 0) {
            bytes(0x41);
        }
        bytes(opcode | register.low());
    }

    private void general(int opcode, Gpr register, Memory address) {
        rex(register, address);
        bytes(opcode);
        memory(register.low(), address);
    }

    private void rex(Gpr register, Memory address) {
        bytes(0x48
                | register.high() << 2
                | indexHigh(address) << 1
                | address.base().high());
    }

    private static int indexHigh(Memory address) {
        Gpr index = address.index();
        return index == null ? 0 : index.high();
    }

    /** With a four-byte displacement, and a SIB byte always: all bases are then encoded alike. */
    private void memory(int register, Memory address) {
        Gpr index = address.index();
        int scale = Integer.numberOfTrailingZeros(address.scale());
        int none = Gpr.RSP.low();
        bytes(
                0x84 | register << 3,
                scale << 6
                        | (index == null ? none : index.low()) << 3
                        | address.base().low());
        int32(address.displacement());
    }

    private void bytes(int... values) {
        for (int value : values) {
            code.put((byte) value);
        }
    }

    private void int32(int value) {
        code.putInt(value);
    }
}
