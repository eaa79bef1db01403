package dev.jemma.kernels.cuda;

import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.gpu.Product;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * What the GPU can do at best, to hold other figures against: bytes read and written by a large copy on the device, and
 * the rate of a large BF16 product on random numbers.
 */
public final class CudaPeaks {
    private static final int SIZE = 8192;
    private static final long COPY_BYTES = 4L << 30;
    private static final int ROUNDS = 10;

    private CudaPeaks() {}

    /** Prints GB/s and TFLOP/s on one line. */
    public static void main(String[] arguments) {
        CudaLibraries libraries = new CudaLibraries(DeviceOptions.DEFAULT.libraryPath());
        CudaApi api = new CudaApi(libraries.driver());
        api.init();
        try (CudaContext context = new CudaContext(api, 0);
                CublasLt cublas = new CublasLt(libraries.matrices().orElseThrow(), context)) {
            long stream = context.api().createStream();
            System.out.printf(
                    Locale.ROOT, "%.0f %.0f%n", copyRate(context, stream), productRate(context, cublas, stream));
        }
    }

    private static double copyRate(CudaContext context, long stream) {
        try (CudaBuffer from = context.allocate(COPY_BYTES, "source");
                CudaBuffer to = context.allocate(COPY_BYTES, "target")) {
            long nanos = best(
                    context,
                    stream,
                    () -> context.api().copyOnDevice(to.address(), from.address(), COPY_BYTES, stream));
            return 2.0 * COPY_BYTES / nanos;
        }
    }

    private static double productRate(CudaContext context, CublasLt cublas, long stream) {
        long bytes = 2L * SIZE * SIZE;
        try (CudaBuffer a = context.allocate(bytes, "a");
                CudaBuffer b = context.allocate(bytes, "b");
                CudaBuffer c = context.allocate(2 * bytes, "c")) {
            fill(a);
            fill(b);
            Product shape = new Product(SIZE, SIZE, SIZE, SIZE, false, false);
            long nanos =
                    best(context, stream, () -> cublas.multiply(shape, a.address(), b.address(), c.address(), stream));
            return 2e-3 * SIZE * SIZE * SIZE / nanos;
        }
    }

    private static void fill(CudaBuffer buffer) {
        SplittableRandom random = new SplittableRandom(3);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(buffer.byteSize());
            for (long i = 0; i < buffer.byteSize(); i += 2) {
                float value = (float) random.nextGaussian();
                host.set(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value) >>> 16));
            }
            buffer.write(0, host);
        }
    }

    private static long best(CudaContext context, long stream, Runnable work) {
        CudaApi api = context.api();
        long start = api.createEvent();
        long end = api.createEvent();
        long best = Long.MAX_VALUE;
        for (int i = 0; i < ROUNDS; i++) {
            api.record(start, stream);
            work.run();
            api.record(end, stream);
            api.await(end);
            best = Math.min(best, api.elapsedNanos(start, end));
        }
        return best;
    }
}
