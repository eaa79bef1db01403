package dev.jemma.models.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.jemma.models.ModelFormatException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsHeaderTest {
    private static SafetensorsHeader parse(byte[] file) {
        return SafetensorsHeader.parse("x.safetensors", MemorySegment.ofArray(file));
    }

    /** A file of this header, written with ' for ", and zeros for tensors. */
    private static byte[] file(String header, int dataBytes) {
        byte[] json = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        return withLength(json.length, json, dataBytes);
    }

    private static byte[] withLength(long length, byte[] json, int dataBytes) {
        return ByteBuffer.allocate(Long.BYTES + json.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .put(json)
                .array();
    }

    @Test
    void readsTensorsInTheHeadersOrder() {
        SafetensorsHeader header = parse(file(
                "{'__metadata__':{'format':'pt'},'b':{'dtype':'F32','shape':[2,3],'data_offsets':[2,26]},"
                        + "'a':{'data_offsets':[0,2],'shape':[],'dtype':'BF16','later':{'x':[1]}}}  ",
                26));
        assertThat(header.tensors().keySet()).containsExactly("b", "a");
        assertThat(header.tensors().get("b")).isEqualTo(new TensorInfo("b", "F32", List.of(2L, 3L), 2, 26));
        assertThat(header.tensors().get("a")).isEqualTo(new TensorInfo("a", "BF16", List.of(), 0, 2));
    }

    @Test
    void acceptsTensorsWithoutElements() {
        assertThat(parse(file("{'a':{'dtype':'F32','shape':[0,4],'data_offsets':[0,0]}}", 0))
                        .tensors())
                .hasSize(1);
    }

    @Test
    void anUnknownTypeIsListedWithoutOne() {
        SafetensorsHeader header = parse(file("{'a':{'dtype':'F4','shape':[3],'data_offsets':[0,2]}}", 2));
        assertThat(header.tensors().get("a")).satisfies(tensor -> {
            assertThat(tensor).isNotNull();
            assertThat(tensor.type()).isNull();
            assertThat(tensor.describe()).isEqualTo("F4 [3]");
        });
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "[] | expected START_OBJECT, got START_ARRAY",
                "{ | not valid JSON",
                "{'a' | not valid JSON",
                "{} {} | nothing but spaces after the JSON object",
                "{'a':1} | a: expected START_OBJECT, got VALUE_NUMBER_INT",
                "{'a':{}} | a lacks dtype, shape or two data_offsets",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0]}} | a lacks dtype, shape or two data_offsets",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4,8]}} | at most 2 numbers",
                "{'a':{'dtype':7,'shape':[1],'data_offsets':[0,4]}} | a dtype: expected VALUE_STRING",
                "{'a':{'dtype':'F32','shape':1,'data_offsets':[0,4]}} | a shape: expected START_ARRAY",
                "{'a':{'dtype':'F32','shape':[1.0],'data_offsets':[0,4]}} | expected VALUE_NUMBER_INT, got VALUE_NUMBER_FLOAT",
                "{'a':{'dtype':'F32','shape':['1'],'data_offsets':[0,4]}} | expected VALUE_NUMBER_INT, got VALUE_STRING",
                "{'a':{'dtype':'F32','shape':[-1],'data_offsets':[0,4]}} | none negative",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[-4,0]}} | none negative",
                "{'a':{'dtype':'F32','shape':[9223372036854775808],'data_offsets':[0,4]}} | not valid JSON",
                "{'a':{'dtype':'F32','shape':[4611686018427387904,4],'data_offsets':[0,4]}} | impossible shape F32 [4611686018427387904, 4]",
                "{'a':{'dtype':'F32','shape':[4611686018427387904],'data_offsets':[0,4]}} | impossible shape",
                "{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,0]}} | ends before it begins",
                "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}} | a F32 [2] takes up 8 bytes, but its offsets span 4",
                "{'a':{'dtype':'F4','shape':[1],'data_offsets':[0,9223372036854775807]}} | truncated; expected 9223372036854775807 bytes of tensors, got 4",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]},'b':{'dtype':'U8','shape':[2],'data_offsets':[2,4]}} | tensor b overlaps another; expected offset 4, got 2",
                "{'a':{'dtype':'U8','shape':[1],'data_offsets':[0,1]},'b':{'dtype':'U8','shape':[2],'data_offsets':[2,4]}} | tensor b follows a hole; expected offset 1, got 2",
                "{'a':{'dtype':'U8','shape':[3],'data_offsets':[1,4]}} | tensor a follows a hole",
                "{'a':{'dtype':'U8','shape':[3],'data_offsets':[0,3]}} | bytes after the last tensor; expected 3 bytes of tensors, got 4",
                "{'a':{'dtype':'U8','shape':[5],'data_offsets':[0,5]}} | the file is truncated; expected 5 bytes of tensors, got 4",
                "{'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]},'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}} | a is listed twice",
                "{'a':{'dtype':'U8','dtype':'U8','shape':[4],'data_offsets':[0,4]}} | a has two entries dtype",
                "{'__metadata__':{},'__metadata__':{},'a':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}} | __metadata__ is listed twice",
                "{'__metadata__':{'a':1}} | __metadata__: expected VALUE_STRING",
                "{'__metadata__':[]} | __metadata__: expected START_OBJECT",
                "{'\\u001b[2J':{'dtype':'U8','shape':[4],'data_offsets':[0,4]}} | a name with control characters",
                "{'a':{'dtype':'\\u0007','shape':[4],'data_offsets':[0,4]}} | a name with control characters",
                "{'a':{'x':[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}} | not valid JSON",
                "{'a':{'dtype':'U8','shape':[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,4],'data_offsets':[0,4]}} | at most 16 numbers",
            })
    void refuses(String header, String message) {
        assertThatThrownBy(() -> parse(file(header, 4)))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith("x.safetensors: ")
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource({
        "0, header is not valid JSON",
        "3, the file ends within its header; expected 11 bytes or more",
        "99999999, the file ends within its header",
        "100000001, 'expected at most 100000000, got 100000001'",
        "9223372036854775807, got 9223372036854775807",
        "-1, got 18446744073709551615",
    })
    void refusesLengthsThatLie(long length, String message) {
        byte[] two = "{}".getBytes(StandardCharsets.UTF_8);
        String expected = length == 0 ? "expected START_OBJECT, got null" : message;
        assertThatThrownBy(() -> parse(withLength(length, two, 0)))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining(expected);
    }

    @Test
    void refusesFilesShorterThanTheLength() {
        for (int size = 0; size < 8; size++) {
            byte[] file = new byte[size];
            assertThatThrownBy(() -> parse(file))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("got " + size);
        }
    }

    @Test
    void refusesNamesThatAreNotUtf8() {
        byte[] file = file("{'?':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}", 1);
        file[10] = (byte) 0xFF;
        assertThatThrownBy(() -> parse(file)).isInstanceOf(ModelFormatException.class);
    }

    /** The largest header allowed, in the shapes that could cost most. */
    @ParameterizedTest
    @CsvSource({"spaces", "metadata", "name", "tensors", "shape", "skipped"})
    void hostileHeadersCostLittle(String shape) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        assumeTrue(threads.isThreadAllocatedMemorySupported(), "this JVM does not count allocations");
        byte[] json = new byte[(int) SafetensorsHeader.MAX_HEADER_BYTES];
        fill(json, shape);
        byte[] file = withLength(json.length, json, 0);
        long before = threads.getCurrentThreadAllocatedBytes();
        if (shape.equals("spaces") || shape.equals("metadata")) {
            assertThat(parse(file).tensors()).isEmpty();
        } else {
            assertThatThrownBy(() -> parse(file)).isInstanceOf(ModelFormatException.class);
        }
        // At most 2^17 tensors are parsed, for some 1.2 KB of garbage each (lists, boxed numbers, the strings).
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(1L << 28);
    }

    private static void fill(byte[] json, String shape) {
        String start = switch (shape) {
            case "metadata" -> "{\"__metadata__\":{\"k\":\"";
            case "name" -> "{\"";
            case "shape" -> "{\"a\":{\"shape\":[";
            case "skipped" -> "{\"a\":{\"x\":[";
            default -> "{";
        };
        String end = switch (shape) {
            case "metadata" -> "\"}}";
            case "name" -> "\":{}}";
            default -> "}";
        };
        String unit = switch (shape) {
            case "metadata", "name" -> "x";
            case "shape", "skipped" -> "1,";
            case "tensors" -> "\"%06x\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},";
            default -> " ";
        };
        Arrays.fill(json, (byte) (unit.length() == 1 ? unit.charAt(0) : ' '));
        put(json, 0, start);
        int at = start.length();
        for (int i = 0; unit.length() > 1 && i <= 200_000; i++) {
            String text = shape.equals("tensors") ? unit.formatted(i) : unit.repeat(200);
            put(json, at, text);
            at += text.length();
        }
        put(json, json.length - end.length(), end);
    }

    private static void put(byte[] json, int at, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(bytes, 0, json, at, bytes.length);
    }
}
