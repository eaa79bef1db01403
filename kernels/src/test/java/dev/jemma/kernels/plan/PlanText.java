package dev.jemma.kernels.plan;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Ops as text, one line each: {@code matmul out='scores' ALL[8] x='hidden' ALL[4] w='router' BF16[8, 4]}. Memory
 * is named by its buffer's label and, past its start, the byte offset.
 */
public final class PlanText {
    private PlanText() {}

    public static String of(List<Op> ops) {
        return ops.stream().map(op -> of(op) + "\n").collect(Collectors.joining());
    }

    public static String of(Op op) {
        return name(op) + " " + components((Record) op);
    }

    /** The method on {@link dev.jemma.kernels.Commands} that was called. */
    static String name(Op op) {
        String type = op.getClass().getSimpleName();
        return type.substring(0, 1).toLowerCase(Locale.ROOT) + type.substring(1);
    }

    private static String components(Record value) {
        return Arrays.stream(value.getClass().getRecordComponents())
                .map(component -> component.getName() + "=" + text(component(value, component)))
                .collect(Collectors.joining(" "));
    }

    private static @Nullable Object component(Record value, RecordComponent component) {
        try {
            return component.getAccessor().invoke(value);
        } catch (ReflectiveOperationException failure) {
            throw new LinkageError(String.valueOf(component), failure);
        }
    }

    private static String text(@Nullable Object value) {
        return switch (value) {
            case null -> "none";
            case Region region -> text(region);
            case Tensor t -> text(t.at()) + " " + t.rows() + "[" + t.cols() + "]";
            case VectorF32 v -> text(v.at()) + " [" + v.length() + "]";
            case DenseWeight w -> text(w.at()) + " " + w.dtype() + "[" + w.rows() + ", " + w.cols() + "]";
            case AffineWeight w ->
                text(w.codes()) + " affine " + w.bits() + "/" + w.groupSize() + "[" + w.rows() + ", " + w.cols() + "]";
            case KvView kv ->
                text(kv.keys()) + " " + kv.dtype() + "[" + kv.slots() + ", " + kv.numKvHeads() + ", " + kv.capacity()
                        + ", " + kv.headDim() + "] window " + kv.window();
            case Record record -> "{" + components(record) + "}";
            default -> value.toString();
        };
    }

    private static String text(Region region) {
        String offset = region.byteOffset() == 0 ? "" : "+" + region.byteOffset();
        return "'" + region.buffer().label() + "'" + offset;
    }
}
