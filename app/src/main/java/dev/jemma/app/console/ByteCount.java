package dev.jemma.app.console;

import java.util.Locale;

/** Sizes in words. */
public final class ByteCount {
    private static final double MEBIBYTE = 1 << 20;
    private static final double GIBIBYTE = 1 << 30;

    private ByteCount() {}

    /** {@code 2.13 GiB}, or {@code 45.1 MiB} for less than one of them. */
    public static String text(long bytes) {
        return bytes >= GIBIBYTE
                ? String.format(Locale.ROOT, "%.2f GiB", bytes / GIBIBYTE)
                : String.format(Locale.ROOT, "%.1f MiB", bytes / MEBIBYTE);
    }
}
