package dev.jemma.kernels.contract;

/** How far each element of a result may be from the expected one. */
@FunctionalInterface
public interface Tolerance {
    /** Not at all. */
    Tolerance EXACT = (row, col, expected) -> 0;

    /** Largest absolute difference for this element. */
    double bound(int row, int col, double expected);

    /**
     * Compares all elements.
     *
     * @param what the case, for the failure: sizes, and the seed to repeat it with
     * @param cols elements per row of the row-major arrays
     */
    default void check(String what, int cols, double[] expected, double[] actual) {
        if (expected.length != actual.length) {
            throw new AssertionError(what + ": expected " + expected.length + " elements, got " + actual.length);
        }
        int outliers = 0;
        int worst = -1;
        double worstExcess = 0;
        for (int i = 0; i < expected.length; i++) {
            double bound = bound(i / cols, i % cols, expected[i]);
            double excess = excess(expected[i], actual[i], bound);
            if (excess > 1) {
                outliers++;
                if (excess > worstExcess) {
                    worst = i;
                    worstExcess = excess;
                }
            }
        }
        if (outliers > 0) {
            double bound = bound(worst / cols, worst % cols, expected[worst]);
            throw new AssertionError(what + ": " + outliers + " of " + expected.length
                    + " elements are off, worst at row " + worst / cols + ", column " + worst % cols + ": expected "
                    + (float) expected[worst] + ", got " + (float) actual[worst] + ", difference "
                    + Math.abs(actual[worst] - expected[worst]) + ", bound " + bound);
        }
    }

    /** Difference in bounds; NaN and infinity match only themselves. */
    private static double excess(double expected, double actual, double bound) {
        if (Double.compare(expected, actual) == 0 || expected == actual) {
            return 0;
        }
        double difference = Math.abs(actual - expected);
        return difference <= bound ? 0 : Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference / bound;
    }
}
