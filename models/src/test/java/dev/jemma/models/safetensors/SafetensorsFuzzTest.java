package dev.jemma.models.safetensors;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.models.ModelFormatException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damages valid files at random: each must be refused as malformed, or be a file that is still safe to read. */
class SafetensorsFuzzTest {
    private static final int ROUNDS = 30_000;
    private static final String[] TOKENS = {
        "0",
        "-1",
        "9223372036854775807",
        "9223372036854775808",
        "1e99",
        "null",
        "true",
        "\"\"",
        "[]",
        "{}",
        "[",
        "}",
        "\"dtype\":",
        "\"shape\":[2],",
        ",",
        ":",
        "\\u0000",
        "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
    };

    @TempDir
    private Path directory;

    private byte[] valid() throws Exception {
        Path path = directory.resolve("valid.safetensors");
        List<SafetensorsWriter.Entry> entries = List.of(
                new SafetensorsWriter.Entry("model.embed_tokens.weight", ElementType.BF16, List.of(8L, 4L)),
                new SafetensorsWriter.Entry("a", ElementType.U8, List.of(3L)),
                new SafetensorsWriter.Entry("b", ElementType.F32, List.of(2L, 2L, 2L)),
                new SafetensorsWriter.Entry("c", ElementType.I64, List.of()));
        try (SafetensorsWriter writer = SafetensorsWriter.create(path, entries, Map.of("format", "pt"))) {
            for (SafetensorsWriter.Entry entry : entries) {
                writer.write(entry.name(), MemorySegment.ofArray(new byte[(int) entry.byteSize()]));
            }
            writer.finish();
        }
        return Files.readAllBytes(path);
    }

    @Test
    void damagedFilesAreRefusedOrSafe() throws Exception {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        byte[] valid = valid();
        int accepted = 0;
        for (int round = 0; round < ROUNDS; round++) {
            byte[] damaged = valid;
            int damages = 1 + random.nextInt(3);
            for (int i = 0; i < damages; i++) {
                damaged = damage(damaged, random);
            }
            try {
                check(SafetensorsHeader.parse("fuzz", MemorySegment.ofArray(damaged)), damaged.length);
                accepted++;
            } catch (ModelFormatException refused) {
                assertThat(refused).hasMessageStartingWith("fuzz: ");
            } catch (RuntimeException | Error bug) {
                throw new AssertionError(
                        "seed " + seed + ", round " + round + ": " + new String(damaged, StandardCharsets.ISO_8859_1),
                        bug);
            }
        }
        assertThat(accepted)
                .as("seed %d: damage that no check sees, such as a letter of a name", seed)
                .isBetween(1, ROUNDS / 2);
    }

    private static void check(SafetensorsHeader header, long fileSize) {
        for (TensorInfo tensor : header.tensors().values()) {
            assertThat(tensor.begin()).isBetween(0L, tensor.end());
            assertThat(header.dataStart() + tensor.end()).isLessThanOrEqualTo(fileSize);
            ElementType type = tensor.type();
            if (type != null) {
                assertThat(TensorInfo.elements(tensor.shape()) * type.byteSize())
                        .isEqualTo(tensor.byteSize());
            }
        }
    }

    private static byte[] damage(byte[] file, SplittableRandom random) {
        int at = random.nextInt(file.length);
        return switch (random.nextInt(6)) {
            case 0 -> {
                byte[] flipped = file.clone();
                flipped[at] ^= (byte) (1 << random.nextInt(8));
                yield flipped;
            }
            case 1 -> Arrays.copyOf(file, Math.max(1, at));
            case 2 -> Arrays.copyOf(file, file.length + 1 + random.nextInt(16));
            case 3 -> {
                byte[] length = file.clone();
                length[random.nextInt(Math.min(8, length.length))] = (byte) random.nextInt(256);
                yield length;
            }
            case 4 -> splice(file, at, Math.min(file.length - 1, at + random.nextInt(12)), new byte[0]);
            default ->
                splice(
                        file,
                        at,
                        Math.min(file.length, at + random.nextInt(4)),
                        TOKENS[random.nextInt(TOKENS.length)].getBytes(StandardCharsets.UTF_8));
        };
    }

    /** Replaces bytes and, half of the time by chance of parity, corrects the header length for it. */
    private static byte[] splice(byte[] file, int from, int to, byte[] replacement) {
        byte[] spliced = new byte[file.length - (to - from) + replacement.length];
        System.arraycopy(file, 0, spliced, 0, from);
        System.arraycopy(replacement, 0, spliced, from, replacement.length);
        System.arraycopy(file, to, spliced, from + replacement.length, file.length - to);
        int growth = spliced.length - file.length;
        if (from >= 8 && from % 2 == 0 && spliced.length > 10) {
            int length = (spliced[0] & 0xFF) + ((spliced[1] & 0xFF) << 8) + growth;
            spliced[0] = (byte) length;
            spliced[1] = (byte) (length >>> 8);
        }
        return spliced;
    }
}
