package dev.jemma.app.bench;

import dev.jemma.engine.UsageException;
import java.awt.Color;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.Styler;

/** Draws tokens per second over depth and over sequences. The one class that needs the plotting library. */
final class BenchPlot {
    private static final int WIDTH = 640;
    private static final int HEIGHT = 480;

    private final List<BenchRow> rows;

    BenchPlot(List<BenchRow> rows) {
        this.rows = List.copyOf(rows);
    }

    /** Whether a file's name says a format that can be drawn. */
    static boolean canWrite(Path file) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        return name.endsWith(".svg") || name.endsWith(".png");
    }

    /** What the lines of a plot run over. */
    private enum Axis {
        SEQUENCES("sequences at once"),
        THREADS("threads"),
        DEPTH("tokens in the cache");

        private final String title;

        Axis(String title) {
            this.title = title;
        }

        int of(BenchRow row) {
            return switch (this) {
                case SEQUENCES -> row.test().sequences();
                case THREADS -> row.setup().threads();
                case DEPTH -> row.test().depth();
            };
        }
    }

    /** Writes {@code .svg} or {@code .png}: over sequences if their number varies, else over threads, else over depth. */
    void write(Path file) {
        System.setProperty("java.awt.headless", "true");
        Axis axis = varies(Axis.SEQUENCES) ? Axis.SEQUENCES : varies(Axis.THREADS) ? Axis.THREADS : Axis.DEPTH;
        try {
            save(chart(axis), file);
        } catch (IOException e) {
            throw new UncheckedIOException("plot: " + file + " cannot be written: " + e.getMessage(), e);
        } catch (LinkageError | InternalError noFonts) {
            throw new UsageException(
                    "plot: expected fonts that Java can draw with, got none: " + noFonts.getMessage()
                            + "; install fontconfig and a font, or draw from -o json elsewhere",
                    noFonts);
        }
    }

    private boolean varies(Axis axis) {
        return rows.stream().map(axis::of).distinct().count() > 1;
    }

    private XYChart chart(Axis axis) {
        BenchSetup setup = rows.getFirst().setup();
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(setup.model() + ", " + setup.backend())
                .xAxisTitle(axis.title)
                .yAxisTitle("tokens/s")
                .build();
        chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideS);
        chart.getStyler().setYAxisMin(0.0);
        chart.getStyler().setChartBackgroundColor(Color.WHITE);
        Map<String, Map<Integer, BenchRow>> lines = new TreeMap<>();
        for (BenchRow row : rows) {
            lines.computeIfAbsent(line(row, axis), _ -> new TreeMap<>()).put(axis.of(row), row);
        }
        lines.forEach((name, points) -> {
            List<Integer> at = List.copyOf(points.keySet());
            List<Double> means = points.values().stream().map(BenchRow::mean).toList();
            List<Double> errors =
                    points.values().stream().map(BenchRow::deviation).toList();
            chart.addSeries(name, at, means, errors);
        });
        return chart;
    }

    /** A name of all that does not change along the line. */
    private String line(BenchRow row, Axis axis) {
        BenchTest test = row.test();
        BenchTest line = new BenchTest(
                test.prompt(),
                test.generated(),
                axis == Axis.DEPTH ? 0 : test.depth(),
                axis == Axis.SEQUENCES ? 1 : test.sequences());
        boolean saysThreads = axis != Axis.THREADS && varies(Axis.THREADS);
        return line.name() + (saysThreads ? ", " + row.setup().threads() + " threads" : "");
    }

    private static void save(Chart<?, ?> chart, Path file) throws IOException {
        if (file.toString().toLowerCase(Locale.ROOT).endsWith(".svg")) {
            VectorGraphicsEncoder.saveVectorGraphic(
                    chart, file.toString(), VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
        } else {
            BitmapEncoder.saveBitmap(chart, file.toString(), BitmapEncoder.BitmapFormat.PNG);
        }
    }
}
