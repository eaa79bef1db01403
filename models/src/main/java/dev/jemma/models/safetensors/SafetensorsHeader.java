package dev.jemma.models.safetensors;

import dev.jemma.models.ModelFormatException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.databind.util.ByteBufferBackedInputStream;

/**
 * The table of contents of one file. Whatever the file says is checked before it is believed: a header that passed has
 * tensors whose bytes fill the data section without overlap or hole and whose shapes agree with their sizes.
 *
 * @param file names the file in errors
 * @param tensors by name, in the header's order
 * @param dataStart where in the file the data section begins
 */
public record SafetensorsHeader(String file, Map<String, TensorInfo> tensors, long dataStart) {
    /** The format's own limit, from the reference implementation. */
    static final long MAX_HEADER_BYTES = 100_000_000;

    /** The largest published Gemma has fewer than 3,000 tensors; this many entries take up about 30 MB of heap. */
    static final int MAX_TENSORS = 1 << 17;

    /** Weights have at most 3 dimensions, vision towers' convolutions 5. */
    static final int MAX_RANK = 16;

    private static final long LENGTH_BYTES = 8;
    private static final ValueLayout.OfLong LENGTH = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /**
     * Parses and checks the header of a whole file's bytes.
     *
     * @throws ModelFormatException if anything is wrong with it
     */
    public static SafetensorsHeader parse(String file, MemorySegment content) {
        long size = content.byteSize();
        if (size < LENGTH_BYTES) {
            throw new ModelFormatException(
                    file + ": not a safetensors file; expected at least 8 bytes, got " + size + "; download it again");
        }
        long length = content.get(LENGTH, 0);
        if (length < 0 || length > MAX_HEADER_BYTES) {
            throw new ModelFormatException(file + ": header length; expected at most " + MAX_HEADER_BYTES + ", got "
                    + Long.toUnsignedString(length) + "; this is not a safetensors file");
        }
        if (length > size - LENGTH_BYTES) {
            throw new ModelFormatException(file + ": the file ends within its header; expected "
                    + (LENGTH_BYTES + length) + " bytes or more, got " + size + "; download it again");
        }
        var json = new ByteBufferBackedInputStream(
                content.asSlice(LENGTH_BYTES, length).asByteBuffer());
        Map<String, TensorInfo> tensors = new HeaderParser(file).parse(json);
        long dataStart = LENGTH_BYTES + length;
        checkLayout(file, tensors, size - dataStart);
        return new SafetensorsHeader(file, tensors, dataStart);
    }

    /** Reads the header of no tensors, so that the next one is read without the 45 ms that the parser's classes take. */
    public static void prepare() {
        byte[] json = "{}".getBytes(StandardCharsets.UTF_8);
        MemorySegment content = MemorySegment.ofArray(new byte[(int) LENGTH_BYTES + json.length]);
        content.set(LENGTH, 0, json.length);
        MemorySegment.copy(json, 0, content, ValueLayout.JAVA_BYTE, LENGTH_BYTES, json.length);
        parse("preparation", content);
    }

    /** The bytes must be divided among the tensors completely: a gap could hide data, an overlap a forged weight. */
    private static void checkLayout(String file, Map<String, TensorInfo> tensors, long dataBytes) {
        List<TensorInfo> byOffset = new ArrayList<>(tensors.values());
        byOffset.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
        long filled = 0;
        for (TensorInfo tensor : byOffset) {
            if (tensor.begin() != filled) {
                throw new ModelFormatException(file + ": tensor " + tensor.name() + " "
                        + (tensor.begin() < filled ? "overlaps another" : "follows a hole") + "; expected offset "
                        + filled + ", got " + tensor.begin() + "; the file is damaged, download it again");
            }
            filled = tensor.end();
        }
        if (filled != dataBytes) {
            throw new ModelFormatException(file + ": "
                    + (filled > dataBytes ? "the file is truncated" : "bytes after the last tensor") + "; expected "
                    + filled + " bytes of tensors, got " + dataBytes + "; download it again");
        }
    }

    /** Reads the JSON as a stream, so that what it costs is bounded by what is kept of it. */
    private static final class HeaderParser {
        private final String file;

        HeaderParser(String file) {
            this.file = file;
        }

        Map<String, TensorInfo> parse(InputStream json) {
            var utf8 = new InputStreamReader(json, StandardCharsets.UTF_8.newDecoder());
            try (JsonParser parser = UntrustedJson.FACTORY.createParser(ObjectReadContext.empty(), utf8)) {
                Map<String, TensorInfo> tensors = new LinkedHashMap<>();
                expect(parser.nextToken(), JsonToken.START_OBJECT, "the header");
                boolean metadataSeen = false;
                while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                    String name = UntrustedJson.printable(file, parser.currentName());
                    boolean duplicate;
                    if (name.equals("__metadata__")) {
                        skipMetadata(parser);
                        duplicate = metadataSeen;
                        metadataSeen = true;
                    } else {
                        duplicate = tensors.put(name, tensor(parser, name)) != null;
                    }
                    if (duplicate) {
                        throw malformed(name + " is listed twice");
                    }
                    if (tensors.size() > MAX_TENSORS) {
                        throw malformed("expected at most " + MAX_TENSORS + " tensors, got more");
                    }
                }
                if (parser.nextToken() != null) {
                    throw malformed("expected nothing but spaces after the JSON object");
                }
                return tensors;
            } catch (JacksonException broken) {
                throw new ModelFormatException(
                        file + ": header is not valid JSON: " + broken.getOriginalMessage() + "; download it again",
                        broken);
            }
        }

        private void skipMetadata(JsonParser parser) {
            expect(parser.nextToken(), JsonToken.START_OBJECT, "__metadata__");
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                expect(parser.nextToken(), JsonToken.VALUE_STRING, "__metadata__");
            }
        }

        private TensorInfo tensor(JsonParser parser, String name) {
            expect(parser.nextToken(), JsonToken.START_OBJECT, name);
            String dtype = null;
            List<Long> shape = null;
            List<Long> offsets = null;
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = parser.currentName();
                JsonToken value = parser.nextToken();
                switch (key) {
                    case "dtype" -> {
                        rejectRepeated(name, key, dtype);
                        expect(value, JsonToken.VALUE_STRING, name + " dtype");
                        dtype = UntrustedJson.printable(file, parser.getString());
                    }
                    case "shape" -> {
                        rejectRepeated(name, key, shape);
                        shape = naturals(parser, MAX_RANK, name + " shape");
                    }
                    case "data_offsets" -> {
                        rejectRepeated(name, key, offsets);
                        offsets = naturals(parser, 2, name + " data_offsets");
                    }
                    default -> parser.skipChildren();
                }
            }
            if (dtype == null || shape == null || offsets == null || offsets.size() != 2) {
                throw malformed(name + " lacks dtype, shape or two data_offsets");
            }
            return checked(new TensorInfo(name, dtype, shape, offsets.get(0), offsets.get(1)));
        }

        private TensorInfo checked(TensorInfo tensor) {
            if (tensor.end() < tensor.begin()) {
                throw malformed(
                        tensor.name() + " ends before it begins: offsets " + tensor.begin() + " to " + tensor.end());
            }
            ElementType type = tensor.type();
            if (type == null) {
                return tensor;
            }
            long bytes;
            try {
                bytes = Math.multiplyExact(TensorInfo.elements(tensor.shape()), type.byteSize());
            } catch (ArithmeticException overflow) {
                throw new ModelFormatException(
                        file + ": tensor " + tensor.name() + " claims the impossible shape " + tensor.describe(),
                        overflow);
            }
            if (bytes != tensor.byteSize()) {
                throw malformed(tensor.name() + " " + tensor.describe() + " takes up " + bytes
                        + " bytes, but its offsets span " + tensor.byteSize());
            }
            return tensor;
        }

        private List<Long> naturals(JsonParser parser, int max, String what) {
            expect(parser.currentToken(), JsonToken.START_ARRAY, what);
            List<Long> values = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                expect(parser.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
                long value = parser.getLongValue();
                if (value < 0 || values.size() == max) {
                    throw malformed(what + ": expected at most " + max + " numbers, none negative");
                }
                values.add(value);
            }
            return values;
        }

        private void rejectRepeated(String name, String key, @Nullable Object earlier) {
            if (earlier != null) {
                throw malformed(name + " has two entries " + key);
            }
        }

        private void expect(@Nullable JsonToken token, JsonToken expected, String what) {
            if (token != expected) {
                throw malformed(what + ": expected " + expected + ", got " + token);
            }
        }

        private ModelFormatException malformed(String what) {
            return new ModelFormatException(file + ": header: " + what + "; the file is damaged, download it again");
        }
    }
}
