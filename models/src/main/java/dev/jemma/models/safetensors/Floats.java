package dev.jemma.models.safetensors;

import dev.jemma.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Floating-point elements as files store them: little-endian, at any alignment. */
public final class Floats {
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Floats() {}

    /** All elements of {@code bytes}, widened. */
    public static float[] read(MemorySegment bytes, DType type) {
        float[] values = new float[Math.toIntExact(bytes.byteSize() / type.byteSize())];
        for (int i = 0; i < values.length; i++) {
            long offset = type.bytes(i);
            values[i] = switch (type) {
                case F32 -> bytes.get(F32, offset);
                case F16 -> Float.float16ToFloat(bytes.get(U16, offset));
                case BF16 -> fromBf16(bytes.get(U16, offset));
                case I32 -> throw new IllegalArgumentException("expected a floating-point type, got I32");
            };
        }
        return values;
    }

    /** The value that storing {@code value} as {@code type} leaves. */
    public static float rounded(float value, DType type) {
        return switch (type) {
            case F32 -> value;
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
            case BF16 -> fromBf16(toBf16(value));
            case I32 -> throw new IllegalArgumentException("expected a floating-point type, got I32");
        };
    }

    /** The upper half of the F32 bits, rounded to nearest, ties to even; NaN stays NaN. */
    public static short toBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
    }

    public static float fromBf16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }
}
