package dev.jemma.models.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.DType;
import dev.jemma.models.ModelFormatException;
import dev.jemma.models.safetensors.SafetensorsWriter.Entry;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {
    @TempDir
    private Path directory;

    private Path write(String name, Map<String, byte[]> tensors) {
        Path path = directory.resolve(name);
        List<Entry> entries = tensors.entrySet().stream()
                .map(tensor -> new Entry(tensor.getKey(), ElementType.U8, List.of((long) tensor.getValue().length)))
                .toList();
        try (SafetensorsWriter writer = SafetensorsWriter.create(path, entries, Map.of())) {
            entries.forEach(entry -> writer.write(
                    entry.name(), MemorySegment.ofArray(Objects.requireNonNull(tensors.get(entry.name())))));
            writer.finish();
        }
        return path;
    }

    private static TensorInfo tensor(SafetensorsFile file, String name) {
        return Objects.requireNonNull(file.header().tensors().get(name));
    }

    @Test
    void readsWhatWasWritten() {
        Path path = write("a.safetensors", Map.of("x", new byte[] {1, 2, 3}));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.bytes(tensor(file, "x")).toArray(ValueLayout.JAVA_BYTE))
                    .containsExactly(1, 2, 3);
            assertThat(file.header().dataStart() % 64).isZero();
        }
    }

    @Test
    void unalignedFloatsAreRead() {
        Path path = directory.resolve("odd.safetensors");
        List<Entry> entries = List.of(
                new Entry("odd", ElementType.U8, List.of(1L)),
                new Entry("f32", ElementType.F32, List.of(2L)),
                new Entry("f16", ElementType.F16, List.of(1L)),
                new Entry("bf16", ElementType.BF16, List.of(1L)));
        try (SafetensorsWriter writer = SafetensorsWriter.create(path, entries, Map.of())) {
            writer.write("odd", MemorySegment.ofArray(new byte[1]));
            // 1.5 and -2 in the formats' bits, little-endian.
            writer.write("f32", MemorySegment.ofArray(new byte[] {0, 0, (byte) 0xC0, 0x3F, 0, 0, 0, (byte) 0xC0}));
            writer.write("f16", MemorySegment.ofArray(new byte[] {0, 0x3E}));
            writer.write("bf16", MemorySegment.ofArray(new byte[] {(byte) 0xC0, 0x3F}));
            writer.finish();
        }
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.bytes(tensor(file, "f32")).address() % 4).isEqualTo(1);
            assertThat(Floats.read(file.bytes(tensor(file, "f32")), DType.F32)).containsExactly(1.5f, -2);
            assertThat(Floats.read(file.bytes(tensor(file, "f16")), DType.F16)).containsExactly(1.5f);
            assertThat(Floats.read(file.bytes(tensor(file, "bf16")), DType.BF16))
                    .containsExactly(1.5f);
        }
    }

    /** A sparse file: 5 GiB of zeros that take up no disk, and a last tensor beyond every 32-bit offset. */
    @Test
    void filesMayExceedFourGigabytes() throws Exception {
        long large = 5L << 30;
        Path path = directory.resolve("large.safetensors");
        byte[] json = ("{\"large\":{\"dtype\":\"U8\",\"shape\":[" + large + "],\"data_offsets\":[0," + large + "]},"
                        + "\"last\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[" + large + "," + (large + 1)
                        + "]}}")
                .getBytes(StandardCharsets.UTF_8);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.writeLong(Long.reverseBytes(json.length));
            file.write(json);
            file.seek(8 + json.length + large);
            file.write(42);
        }
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.bytes(tensor(file, "large")).byteSize()).isEqualTo(large);
            assertThat(file.bytes(tensor(file, "last")).get(ValueLayout.JAVA_BYTE, 0))
                    .isEqualTo((byte) 42);
        }
        Files.delete(path);
    }

    @Test
    void viewsEndWithTheFile() {
        Path path = write("a.safetensors", Map.of("x", new byte[] {1}));
        SafetensorsFile file = SafetensorsFile.open(path);
        MemorySegment bytes = file.bytes(tensor(file, "x"));
        assertThat(bytes.isReadOnly()).isTrue();
        file.close();
        assertThatThrownBy(() -> bytes.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void missingFilesAreNamed() {
        Path path = directory.resolve("none.safetensors");
        assertThatThrownBy(() -> SafetensorsFile.open(path))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(path + ": cannot be read");
    }

    @Test
    void unfinishedFilesAreDeleted() {
        Path path = directory.resolve("half.safetensors");
        Entry entry = new Entry("x", ElementType.U8, List.of(2L));
        try (SafetensorsWriter writer = SafetensorsWriter.create(path, List.of(entry), Map.of())) {
            writer.write("x", MemorySegment.ofArray(new byte[1]));
            assertThatThrownBy(writer::finish)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("1 bytes");
        }
        assertThat(path).doesNotExist();
    }

    @Test
    void writerKeepsToTheHeader() {
        Path path = directory.resolve("order.safetensors");
        List<Entry> entries =
                List.of(new Entry("x", ElementType.U8, List.of(2L)), new Entry("y", ElementType.U8, List.of(1L)));
        try (SafetensorsWriter writer = SafetensorsWriter.create(path, entries, Map.of())) {
            MemorySegment one = MemorySegment.ofArray(new byte[1]);
            assertThatThrownBy(() -> writer.write("y", one)).hasMessageContaining("tensor y is not due");
            writer.write("x", one);
            assertThatThrownBy(() -> writer.write("x", MemorySegment.ofArray(new byte[2])))
                    .hasMessageContaining("expected 2 bytes, got 3");
        }
        write("exists.safetensors", Map.of());
        assertThatThrownBy(() -> write("exists.safetensors", Map.of())).isInstanceOf(UncheckedIOException.class);
    }

    @Test
    void bfloat16RoundsToNearestEven() {
        assertThat(Floats.rounded(25.29822f, DType.BF16)).isEqualTo(25.25f);
        assertThat(Floats.rounded(73.32121f, DType.BF16)).isEqualTo(73.5f);
        // 1 + 2^-8 lies half way between 1 and 1 + 2^-7; 1 + 3 * 2^-8 between 1 + 2^-7 and 1 + 2^-6.
        assertThat(Floats.rounded(1 + 0x1p-8f, DType.BF16)).isEqualTo(1);
        assertThat(Floats.rounded(1 + 3 * 0x1p-8f, DType.BF16)).isEqualTo(1 + 0x1p-6f);
        assertThat(Floats.rounded(Float.NaN, DType.BF16)).isNaN();
        assertThat(Floats.rounded(Float.NEGATIVE_INFINITY, DType.BF16)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(Floats.rounded(Float.MAX_VALUE, DType.BF16)).isEqualTo(Float.POSITIVE_INFINITY);
    }
}
