package dev.jemma.models.loading;

import java.util.ArrayList;
import java.util.List;

/**
 * A weight that a decoder has.
 *
 * @param name full name: a module's path for {@link Kind#LINEAR}, else the tensor's own
 * @param shape logical dimensions, unquantized
 */
public record TensorSpec(String name, List<Long> shape, Kind kind) {
    /** How a weight is stored. */
    public enum Kind {
        /** A module: {@code name.weight}, with {@code name.scales} and {@code name.biases} where it is quantized. */
        LINEAR,
        /** A stack of experts' matrices under its bare name, never quantized. */
        EXPERT_STACK,
        /** Factors or one number, never quantized. */
        VECTOR,
        /** As {@link #VECTOR}; the model does without where it is missing. */
        OPTIONAL_VECTOR
    }

    public TensorSpec {
        shape = List.copyOf(shape);
    }

    /** Name of the tensor with the values, or with the codes. */
    public String tensor() {
        return kind == Kind.LINEAR ? name + ".weight" : name;
    }

    public String scales() {
        return name + ".scales";
    }

    public String biases() {
        return name + ".biases";
    }

    /** The shape with rows of another width: that of codes or of scales. */
    public List<Long> withCols(long cols) {
        List<Long> changed = new ArrayList<>(shape);
        changed.set(changed.size() - 1, cols);
        return List.copyOf(changed);
    }

    /** Logical elements. */
    public long parameters() {
        long parameters = 1;
        for (long dimension : shape) {
            parameters *= dimension;
        }
        return parameters;
    }

    /** Rows of the weight as one matrix; of a stack, those of all experts. */
    public int rows() {
        return Math.toIntExact(parameters() / shape.getLast());
    }

    /** Width of a row; length of a vector. */
    public int cols() {
        return Math.toIntExact(shape.getLast());
    }
}
