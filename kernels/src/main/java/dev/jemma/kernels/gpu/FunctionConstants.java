package dev.jemma.kernels.gpu;

import java.util.ArrayList;
import java.util.List;

/** Values of a kernel's function constants, by index; part of a pipeline's identity. */
public record FunctionConstants(List<Value> values) {
    public static final FunctionConstants NONE = new FunctionConstants(List.of());

    /** One constant. {@code bits} is the value's 32 bits as they lie in memory; a bool is 0 or 1. */
    public record Value(int index, Type type, int bits) {}

    /** Scalar types, with Metal's MTLDataType codes. */
    public enum Type {
        FLOAT(3),
        INT(29),
        UINT(33),
        BOOL(53);

        private final int metalCode;

        Type(int metalCode) {
            this.metalCode = metalCode;
        }

        public int metalCode() {
            return metalCode;
        }
    }

    public FunctionConstants {
        values = List.copyOf(values);
    }

    public FunctionConstants with(int index, boolean value) {
        return plus(new Value(index, Type.BOOL, value ? 1 : 0));
    }

    public FunctionConstants with(int index, int value) {
        return plus(new Value(index, Type.INT, value));
    }

    private FunctionConstants plus(Value value) {
        List<Value> more = new ArrayList<>(values);
        more.add(value);
        return new FunctionConstants(more);
    }
}
