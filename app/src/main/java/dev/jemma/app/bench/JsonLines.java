package dev.jemma.app.bench;

/** One JSON object a test. */
final class JsonLines implements BenchOutput {
    private final Appendable out;

    JsonLines(Appendable out) {
        this.out = out;
    }

    @Override
    public void row(BenchRow row) {
        BenchJson.line(out, json -> {
            BenchJson.model(json, row.setup());
            BenchJson.test(json, row);
        });
    }

    @Override
    public void end() {}
}
