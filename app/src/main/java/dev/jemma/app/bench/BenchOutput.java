package dev.jemma.app.bench;

/** Where results go, each as soon as it is known: a run that is interrupted has said what it knew. */
interface BenchOutput {
    void row(BenchRow row);

    /** Says what comes after the last row. */
    void end();
}
