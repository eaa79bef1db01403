package dev.jemma.kernels;

/**
 * One line of a diagnosis.
 *
 * @param subject what was looked at
 * @param detail what was found: a figure, or what is wrong and what to do
 */
public record Finding(Outcome outcome, String subject, String detail) {
    /** What a finding says about the machine. */
    public enum Outcome {
        /** A fact, neither good nor bad. */
        FACT,
        PASSED,
        FAILED,
        /** Could not be looked at; the detail says why. */
        SKIPPED
    }

    public static Finding fact(String subject, String detail) {
        return new Finding(Outcome.FACT, subject, detail);
    }

    public static Finding passed(String subject, String detail) {
        return new Finding(Outcome.PASSED, subject, detail);
    }

    public static Finding failed(String subject, String detail) {
        return new Finding(Outcome.FAILED, subject, detail);
    }

    public static Finding skipped(String subject, String detail) {
        return new Finding(Outcome.SKIPPED, subject, detail);
    }
}
