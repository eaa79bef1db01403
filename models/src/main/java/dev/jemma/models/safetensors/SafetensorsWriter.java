package dev.jemma.models.safetensors;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * Writes a file as a stream: all names and shapes first, then the tensors' bytes in the same order. A file that was
 * not finished is deleted on {@link #close}, so no half-written checkpoint stays behind.
 */
public final class SafetensorsWriter implements AutoCloseable {
    /** Where the first tensor starts is a multiple of this: a cache line, so rows of whole lines are aligned ones. */
    private static final int DATA_ALIGNMENT = 64;

    /** One write's most bytes: a {@link ByteBuffer} cannot view 2 GiB. */
    private static final long MAX_WRITE = 1 << 26;

    /** A tensor to come. */
    public record Entry(String name, ElementType type, List<Long> shape) {
        public Entry {
            shape = List.copyOf(shape);
        }

        public long byteSize() {
            return Math.multiplyExact(TensorInfo.elements(shape), type.byteSize());
        }
    }

    private final Path path;
    private final FileChannel channel;
    private final List<Entry> entries;
    private int current;
    private long writtenOfCurrent;
    private boolean finished;

    private SafetensorsWriter(Path path, FileChannel channel, List<Entry> entries) {
        this.path = path;
        this.channel = channel;
        this.entries = entries;
    }

    /**
     * Creates the file and writes its header.
     *
     * @param metadata entries of {@code __metadata__}
     * @throws UncheckedIOException if the file exists or cannot be written
     */
    public static SafetensorsWriter create(Path path, List<Entry> entries, Map<String, String> metadata) {
        ByteBuffer header = header(entries, metadata);
        try {
            FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            SafetensorsWriter writer = new SafetensorsWriter(path, channel, List.copyOf(entries));
            writer.writeFully(header);
            return writer;
        } catch (IOException failure) {
            throw new UncheckedIOException(path + ": cannot be written: " + failure.getMessage(), failure);
        }
    }

    private static ByteBuffer header(List<Entry> entries, Map<String, String> metadata) {
        var json = new ByteArrayOutputStream();
        try (JsonGenerator generator = new JsonFactory().createGenerator(ObjectWriteContext.empty(), json)) {
            generator.writeStartObject();
            generator.writeObjectPropertyStart("__metadata__");
            metadata.forEach(generator::writeStringProperty);
            generator.writeEndObject();
            long offset = 0;
            for (Entry entry : entries) {
                long end = Math.addExact(offset, entry.byteSize());
                generator.writeObjectPropertyStart(entry.name());
                generator.writeStringProperty("dtype", entry.type().name());
                writeNumbers(generator, "shape", entry.shape());
                writeNumbers(generator, "data_offsets", List.of(offset, end));
                generator.writeEndObject();
                offset = end;
            }
            generator.writeEndObject();
        }
        int length = Math.ceilDiv(Long.BYTES + json.size(), DATA_ALIGNMENT) * DATA_ALIGNMENT - Long.BYTES;
        byte[] padded = Arrays.copyOf(json.toByteArray(), length);
        Arrays.fill(padded, json.size(), length, (byte) ' ');
        return ByteBuffer.allocate(Long.BYTES + length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .put(padded)
                .flip();
    }

    private static void writeNumbers(JsonGenerator generator, String name, List<Long> numbers) {
        generator.writeArrayPropertyStart(name);
        numbers.forEach(generator::writeNumber);
        generator.writeEndArray();
    }

    /**
     * Appends bytes of one tensor; a tensor may come in several pieces, tensors come in the order of the header.
     *
     * @throws IllegalStateException if another tensor is due, or these are more bytes than it has left
     */
    public void write(String tensor, MemorySegment bytes) {
        count(tensor, bytes.byteSize());
        try {
            for (long offset = 0; offset < bytes.byteSize(); offset += MAX_WRITE) {
                long length = Math.min(MAX_WRITE, bytes.byteSize() - offset);
                writeFully(bytes.asSlice(offset, length).asByteBuffer());
            }
        } catch (IOException failure) {
            throw unwritable(failure);
        }
    }

    /**
     * Leaves all bytes of the tensor that is due as a hole in the file: zeros that take no space on most file systems.
     *
     * @throws IllegalStateException if another tensor is due
     */
    public void leaveOut(String tensor) {
        long byteSize = due(tensor).byteSize();
        count(tensor, byteSize);
        try {
            channel.position(channel.position() + byteSize);
        } catch (IOException failure) {
            throw unwritable(failure);
        }
    }

    private UncheckedIOException unwritable(IOException failure) {
        return new UncheckedIOException(path + ": cannot be written: " + failure.getMessage(), failure);
    }

    private Entry due(String tensor) {
        while (current < entries.size()
                && writtenOfCurrent == entries.get(current).byteSize()) {
            current++;
            writtenOfCurrent = 0;
        }
        if (current == entries.size() || !entries.get(current).name().equals(tensor)) {
            throw new IllegalStateException(path + ": tensor " + tensor + " is not due");
        }
        return entries.get(current);
    }

    private void count(String tensor, long byteSize) {
        long whole = due(tensor).byteSize();
        writtenOfCurrent += byteSize;
        if (writtenOfCurrent > whole) {
            throw new IllegalStateException(
                    path + ": tensor " + tensor + ": expected " + whole + " bytes, got " + writtenOfCurrent);
        }
    }

    /**
     * Says that the file is complete.
     *
     * @throws IllegalStateException if bytes are missing
     */
    public void finish() {
        long missing = -writtenOfCurrent;
        for (Entry entry : entries.subList(current, entries.size())) {
            missing += entry.byteSize();
        }
        if (missing != 0) {
            throw new IllegalStateException(path + ": " + missing + " bytes of tensors were not written");
        }
        try {
            if (channel.size() < channel.position()) {
                channel.write(ByteBuffer.allocate(1), channel.position() - 1);
            }
        } catch (IOException failure) {
            throw unwritable(failure);
        }
        finished = true;
    }

    private void writeFully(ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
            if (!finished) {
                Files.delete(path);
            }
        } catch (IOException failure) {
            throw unwritable(failure);
        }
    }
}
