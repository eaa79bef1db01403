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
