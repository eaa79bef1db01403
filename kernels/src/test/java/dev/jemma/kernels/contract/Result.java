package dev.jemma.kernels.contract;

/** One output of a case, row-major, and how far another backend's may be from it. */
final class Result {
    private final String name;
    private final int cols;
    private final Tolerance tolerance;
    private final double[] elements;

    Result(String name, int cols, Tolerance tolerance, double[] elements) {
        this.name = name;
        this.cols = cols;
        this.tolerance = tolerance;
        this.elements = elements;
    }

    /** Fails, naming the case, if {@code actual} is too far from this, the expected result. */
    void check(String what, Result actual) {
        tolerance.check(what + ": " + name, cols, elements, actual.elements);
    }
}
