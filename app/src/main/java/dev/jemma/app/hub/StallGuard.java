package dev.jemma.app.hub;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/** A stream that fails when nothing has come for a while, where the one behind it would wait for ever. */
final class StallGuard extends FilterInputStream {
    private final Duration patience;
    private final Thread watch;
    private volatile long waitingSince;
    private volatile boolean stalled;

    StallGuard(InputStream in, Duration patience) {
        super(in);
        this.patience = patience;
        this.waitingSince = System.nanoTime();
        this.watch = Thread.ofVirtual().start(this::watch);
    }

    /** Closing the stream wakes the thread that reads it. */
    private void watch() {
        try {
            long left = patience.toNanos();
            while (left > 0) {
                Thread.sleep(Duration.ofNanos(left));
                left = patience.toNanos() - (System.nanoTime() - waitingSince);
            }
            stalled = true;
            in.close();
        } catch (InterruptedException closed) {
            return;
        } catch (IOException alsoAnEnd) {
            return;
        }
    }

    @Override
    public int read(byte[] bytes, int from, int length) throws IOException {
        waitingSince = System.nanoTime();
        int count;
        try {
            count = in.read(bytes, from, length);
        } catch (IOException failure) {
            throw stalled ? new IOException("nothing came for " + patience.toSeconds() + " s", failure) : failure;
        }
        if (stalled) {
            throw new IOException("nothing came for " + patience.toSeconds() + " s");
        }
        return count;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public void close() throws IOException {
        watch.interrupt();
        in.close();
    }
}
