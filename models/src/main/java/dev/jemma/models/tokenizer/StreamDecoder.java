package dev.jemma.models.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Turns generated ids into text, one at a time. All that {@link #next} returned plus {@link #flush} equals the
 * reference decoder's output for all ids together, however they are cut. Not thread-safe.
 *
 * <p>A character outside the vocabulary arrives as several byte tokens ({@code <0xE2>}). Such a run is held back until
 * the token after it: whether its bytes are valid UTF-8 is decided for the run as a whole, and an invalid run becomes
 * one U+FFFD per byte, as in the tokenizers library ({@code ByteFallback} decoder).
 */
public final class StreamDecoder {
    private static final String REPLACEMENT = "\uFFFD";

    private final Vocabulary vocabulary;
    private final boolean showControls;
    private final ByteArrayOutputStream run = new ByteArrayOutputStream();

    StreamDecoder(Vocabulary vocabulary, boolean showControls) {
        this.vocabulary = vocabulary;
        this.showControls = showControls;
    }

    /** The text that this id completes; often one word, empty for a control token or part of a character. */
    public String next(int id) {
        String token = vocabulary.token(id);
        if (token == null || (vocabulary.isControl(id) && !showControls)) {
            return "";
        }
        int value = byteValue(token);
        if (value >= 0) {
            run.write(value);
            return "";
        }
        return flush() + token.replace(Vocabulary.SPACE, ' ');
    }

    /** What was held back; call it after the last id. */
    public String flush() {
        if (run.size() == 0) {
            return "";
        }
        byte[] bytes = run.toByteArray();
        run.reset();
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            return REPLACEMENT.repeat(bytes.length);
        }
    }

    /**
     * What was held back, without the character that the last ids began: for sequences cut before the model ended them,
     * whose last half character says nothing.
     */
    public String flushWhole() {
        byte[] bytes = run.toByteArray();
        run.reset();
        run.write(bytes, 0, bytes.length - unfinishedBytes(bytes));
        return flush();
    }

    /** How many bytes at the end begin a UTF-8 character without completing it. */
    private static int unfinishedBytes(byte[] bytes) {
        for (int count = 1; count <= Math.min(3, bytes.length); count++) {
            int lead = bytes[bytes.length - count] & 0xFF;
            if (lead >= 0xC0) {
                int needed = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
                return count < needed ? count : 0;
            }
            if (lead < 0x80) {
                return 0;
            }
        }
        return 0;
    }

    /** The byte that a token such as {@code <0x0A>} stands for, or -1. */
    static int byteValue(String token) {
        if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
            return -1;
        }
        int high = Character.digit(token.charAt(3), 16);
        int low = Character.digit(token.charAt(4), 16);
        return high < 0 || low < 0 ? -1 : 16 * high + low;
    }
}
