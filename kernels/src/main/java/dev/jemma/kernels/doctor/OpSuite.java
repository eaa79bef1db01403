package dev.jemma.kernels.doctor;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.Finding;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Runs every op on a device and on the reference with the same small random operands and compares: enough to say that
 * this machine's compiler, driver and hardware do what the kernels mean, in seconds. (The contract tests of the build
 * go much further; they need the source tree.)
 */
final class OpSuite {
    /** Rows of the largest step here: a prefill chunk that fills no tile evenly, and a decode of another slot. */
    static final int MAX_ROWS = 38;

    static final int SLOTS = 3;

    /** A slot that no step uses. */
    static final int SPARE_SLOT = 2;

    private static final long SEED = 20_261_121;

    /** Seeds and operands are the same for both; steps of one row and of many take different kernels. */
    private static final List<Step> STEPS = List.of(decode(), prefill());

    private final Device reference;
    private final Device device;

    OpSuite(Device reference, Device device) {
        this.reference = reference;
        this.device = device;
    }

    private static Step decode() {
        Step step = new Step(1, 1);
        step.addSpan(0, 71, new int[] {-1}, 0, 1, 1);
        return step;
    }

    private static Step prefill() {
        Step step = new Step(MAX_ROWS, 3);
        int[] tokens = new int[MAX_ROWS];
        for (int i = 0; i < MAX_ROWS; i++) {
            tokens[i] = 7 * i;
        }
        step.addSpan(1, 30, tokens, 0, MAX_ROWS - 1, 2);
        step.addSpan(0, 14, tokens, 0, 1, 1);
        return step;
    }

    /** One finding: how many cases passed, or each that failed. */
    List<Finding> run() {
        List<Finding> failures = new ArrayList<>();
        int count = 0;
        double worst = 0;
        for (OpCase op : OpCases.all()) {
            for (Step step : STEPS) {
                count++;
                String name = "op " + op.name() + ", " + step.count(RowSet.ALL) + " rows";
                try {
                    double difference = difference(op, step);
                    worst = Math.max(worst, difference);
                    double tolerance = op.tolerance(device.operandRounding());
                    if (!(difference <= tolerance)) {
                        failures.add(Finding.failed(
                                name,
                                String.format(
                                        Locale.ROOT,
                                        "differs from the reference by %.2g of the largest value, allowed %.2g",
                                        difference,
                                        tolerance)));
                    }
                } catch (DeviceException failed) {
                    failures.add(Finding.failed(name, String.valueOf(failed.getMessage())));
                }
            }
        }
        if (!failures.isEmpty()) {
            return failures;
        }
        return List.of(Finding.passed(
                "ops",
                String.format(Locale.ROOT, "%d cases equal the reference, largest difference %.1g", count, worst)));
    }

    private double difference(OpCase op, Step step) {
        List<double[]> expected = results(reference, op, step);
        List<double[]> actual = results(device, op, step);
        double worst = 0;
        for (int t = 0; t < expected.size(); t++) {
            worst = Math.max(worst, difference(expected.get(t), actual.get(t)));
        }
        return worst;
    }

    /** NaN where the device's result has one that the reference has not. */
    private static double difference(double[] expected, double[] actual) {
        double largest = Double.MIN_NORMAL;
        double difference = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            double here = Math.abs(expected[i] - actual[i]);
            if (Double.isNaN(here)) {
                return Double.NaN;
            }
            difference = Math.max(difference, here);
        }
        return difference / largest;
    }

    private static List<double[]> results(Device device, OpCase op, Step step) {
        StepLimits limits =
                new StepLimits(MAX_ROWS, 3, SLOTS, OpCases.CAPACITY, OpCases.NUM_HEADS, 2048, 2048, OpCases.VOCAB);
        try (OpInputs inputs = new OpInputs(device, step, SEED);
                CommandStream stream = device.openStream(limits)) {
            OpCase.Encoded encoded = op.setUp().apply(inputs);
            encoded.ops().accept(stream.begin(step));
            stream.await(stream.submit());
            List<double[]> results = new ArrayList<>();
            for (Tensor result : encoded.results()) {
                results.add(inputs.read(result));
            }
            return results;
        }
    }
}
