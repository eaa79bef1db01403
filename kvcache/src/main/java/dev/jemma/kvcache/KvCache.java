package dev.jemma.kvcache;

import dev.jemma.kernels.Commands;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Region;
import java.util.ArrayList;
import java.util.List;

/**
 * The keys and values of every sequence, and how many positions of each are valid. Kernels write rows through
 * {@link #view}; whoever submits a step says so with {@link #append}.
 */
public final class KvCache implements AutoCloseable {
    private final KvCacheSpec spec;
    private final List<DeviceBuffer> buffers = new ArrayList<>();
    private final List<KvView> views = new ArrayList<>();
    private final int[] lengths;

    /** One past the highest position ever stored since the slot was cleared: what its rings have room for goes by this. */
    private final int[] storedEnds;

    private KvCache(KvCacheSpec spec) {
        this.spec = spec;
        this.lengths = new int[spec.slots()];
        this.storedEnds = new int[spec.slots()];
    }

    /**
     * Allocates the cache after checking that it fits.
     *
     * @throws DeviceException.OutOfMemory if the device has less available than the cache needs
     */
    public static KvCache allocate(Device device, KvCacheSpec spec) {
        long available = device.memory().availableBytes();
        if (spec.byteSize() > available) {
            throw new DeviceException.OutOfMemory("kv cache: " + spec.slots() + " sequence(s) of " + spec.contextSize()
                    + " positions need " + gib(spec.byteSize()) + ", " + device.backend() + " has " + gib(available)
                    + "; use a smaller --ctx-size or fewer sequences");
        }
        KvCache cache = new KvCache(spec);
        try {
            for (int layer = 0; layer < spec.layers().size(); layer++) {
                cache.views.add(cache.allocateLayer(device, layer));
            }
        } catch (DeviceException failure) {
            cache.close();
            throw failure;
        }
        return cache;
    }

    private KvView allocateLayer(Device device, int layer) {
        LayerGeometry geometry = spec.layers().get(layer);
        DeviceBuffer keys = device.allocate(spec.keyBytes(layer), "keys of cache layer " + layer);
        buffers.add(keys);
        DeviceBuffer values = device.allocate(spec.keyBytes(layer), "values of cache layer " + layer);
        buffers.add(values);
        return new KvView(
                new Region(keys, 0),
                new Region(values, 0),
                spec.dtype(),
                spec.slots(),
                geometry.numKvHeads(),
                geometry.headDim(),
                spec.capacity(layer),
                geometry.window());
    }

    private static String gib(long bytes) {
        return String.format(java.util.Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30));
    }

    public KvCacheSpec spec() {
        return spec;
    }

    /** Cache of the {@code layer}-th layer that owns keys and values. */
    public KvView view(int layer) {
        return views.get(layer);
    }

    /** Valid positions of a sequence: the next token's position. */
    public int length(int slot) {
        return lengths[slot];
    }

    /** Positions that a sequence can still take. */
    public int room(int slot) {
        return spec.contextSize() - lengths[slot];
    }

    /** Counts {@code rows} positions that a submitted step stores. */
    public void append(int slot, int rows) {
        if (rows < 0 || rows > spec.maxChunk() || rows > room(slot)) {
            throw new IllegalArgumentException("kv cache: slot " + slot + " at " + lengths[slot] + " of "
                    + spec.contextSize() + " cannot take " + rows + " rows (chunks of up to " + spec.maxChunk() + ")");
        }
        lengths[slot] += rows;
        storedEnds[slot] = Math.max(storedEnds[slot], lengths[slot]);
    }

    /** Forgets a sequence; its rows are overwritten by whatever comes next. */
    public void clear(int slot) {
        lengths[slot] = 0;
        storedEnds[slot] = 0;
    }

    /**
     * Whether the sequence can go back to its first {@code length} positions: every ring must still hold the
     * {@code window - 1} positions before the next one.
     */
    public boolean canTruncate(int slot, int length) {
        if (length < 0 || length > lengths[slot]) {
            return false;
        }
        for (int layer = 0; layer < views.size(); layer++) {
            KvView view = views.get(layer);
            int oldestHeld = Math.max(0, storedEnds[slot] - view.capacity());
            if (view.isRing() && view.firstVisible(length) < oldestHeld) {
                return false;
            }
        }
        return true;
    }

    /**
     * Goes back to the first {@code length} positions of a sequence.
     *
     * @throws IllegalStateException if a ring no longer holds what is needed; {@link #clear} and prefill again
     */
    public void truncate(int slot, int length) {
        if (!canTruncate(slot, length)) {
            throw new IllegalStateException("kv cache: slot " + slot + " cannot go back from " + lengths[slot] + " to "
                    + length + " positions: a sliding layer's ring no longer holds the ones before; prefill again");
        }
        if (length == 0) {
            clear(slot);
        }
        lengths[slot] = length;
    }

    /** A copy of a sequence that the lengths know of already, and the device does not. */
    public final class Fork {
        private final int fromSlot;
        private final int toSlot;
        private final int storedEnd;

        private Fork(int fromSlot, int toSlot) {
            this.fromSlot = fromSlot;
            this.toSlot = toSlot;
            this.storedEnd = storedEnds[fromSlot];
        }

        /** Encodes the copy, before the forward pass of the next step, which may hold rows of both sequences. */
        public void encode(Commands commands) {
            for (KvView view : views) {
                int rows = Math.min(storedEnd, view.capacity());
                if (rows > 0) {
                    commands.copySlot(view, fromSlot, toSlot, rows);
                }
            }
        }
    }

    /** Makes a slot a copy of another; what it held is forgotten. Encode the result in the very next step. */
    public Fork fork(int fromSlot, int toSlot) {
        lengths[toSlot] = lengths[fromSlot];
        storedEnds[toSlot] = storedEnds[fromSlot];
        return new Fork(fromSlot, toSlot);
    }

    /** {@link #fork(int, int)}, encoded at once. */
    public void fork(Commands commands, int fromSlot, int toSlot) {
        fork(fromSlot, toSlot).encode(commands);
    }

    @Override
    public void close() {
        for (DeviceBuffer buffer : buffers.reversed()) {
            buffer.close();
        }
        buffers.clear();
        views.clear();
    }
}
