package dev.jemma.kernels.x86;

import org.jspecify.annotations.Nullable;

/** What an instruction of the vector unit reads: a register or memory. */
public sealed interface Operand {
    /**
     * A vector register.
     *
     * @param number 0 to 31
     * @param bits of it that an instruction uses: 128, 256 or 512
     */
    record Vector(int number, int bits) implements Operand {
        public Vector {
            if (number < 0 || number > 31) {
                throw new IllegalArgumentException("vector register " + number);
            }
        }

        /** Its lower half. */
        public Vector half() {
            return new Vector(number, bits / 2);
        }

        /** As EVEX has it: 0, 1, 2. */
        int length() {
            return Integer.numberOfTrailingZeros(bits / 128);
        }
    }

    /** {@code [base + scale * index + displacement]}. */
    record Memory(Gpr base, @Nullable Gpr index, int scale, int displacement) implements Operand {
        public Memory {
            if (Integer.bitCount(scale) != 1 || scale > 8 || index == Gpr.RSP) {
                throw new IllegalArgumentException("index " + index + ", scale " + scale);
            }
        }

        public Memory plus(int bytes) {
            return new Memory(base, index, scale, displacement + bytes);
        }
    }

    static Vector zmm(int number) {
        return new Vector(number, 512);
    }

    static Memory at(Gpr base, int displacement) {
        return new Memory(base, null, 1, displacement);
    }

    static Memory at(Gpr base, Gpr index, int scale) {
        return new Memory(base, index, scale, 0);
    }
}
