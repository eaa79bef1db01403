package dev.jemma.models.tokenizer;

import dev.jemma.kernels.DeviceException;
import dev.jemma.models.ModelFormatException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A checkpoint's tokenizer: text to ids, ids to text. Reads local files only. Safe for use by several threads.
 *
 * <p><b>Control tokens</b> (turn, channel, tool and image marks, BOS, EOS and whatever else the file flags special)
 * never come out of {@link #encode}: the tokenizer behind it does not know them, so {@code <end_of_turn>} typed by a
 * user is eleven or so ordinary tokens. They enter a prompt as ids, or through {@link #encodeWithControls}.
 */
public final class Tokenizer {
    private final NativeTokenizer text;
    private final Vocabulary vocabulary;
    private final Pattern controls;
    private final int bosId;

    private Tokenizer(NativeTokenizer text, Vocabulary vocabulary, int bosId) {
        this.text = text;
        this.vocabulary = vocabulary;
        this.controls = vocabulary.controlPattern();
        this.bosId = bosId;
    }

    /**
     * Loads {@code tokenizer.json} from a checkpoint's directory. Takes 0.1 s for the demo model and two for Gemma 3,
     * most of them in native code: worth a thread of its own while weights load.
     *
     * @throws ModelFormatException if the file is missing, broken or not a Gemma tokenizer
     * @throws DeviceException.Unavailable if there is no tokenizers library for this machine
     */
    public static Tokenizer load(Path modelDirectory) {
        Path path = modelDirectory.resolve("tokenizer.json");
        TokenizerFile file = TokenizerFile.read(path);
        Vocabulary vocabulary = file.vocabulary();
        int bosId = vocabulary
                .id("<bos>")
                .orElseThrow(() -> new ModelFormatException(path + ": no <bos> token; is this a Gemma checkpoint?"));
        return new Tokenizer(file.textTokenizer(), vocabulary, bosId);
    }

    /** What the user should know about this machine's tokenizer set-up; usually nothing. */
    public List<String> notes() {
        return NativeLibrary.require();
    }

    /**
     * Ids of a text: no BOS, no control tokens whatever the text says, no truncation. A lone surrogate, which no
     * well-formed text holds, counts as U+FFFD.
     */
    public int[] encode(String text) {
        IntStream.Builder ids = IntStream.builder();
        encode(text, ids);
        return ids.build().toArray();
    }

    private void encode(String plain, IntConsumer sink) {
        for (int id : text.encode(WellFormed.of(plain))) {
            if (vocabulary.isControl(id)) {
                // Merges of an odd vocabulary may lead to a control token's string: such a token is taken apart.
                String token = piece(id);
                int second = token.offsetByCodePoints(0, 1);
                encode(token.substring(0, second), sink);
                encode(token.substring(second), sink);
            } else {
                sink.accept(id);
            }
        }
    }

    /** Ids of a prompt that is already rendered: control tokens are recognised, and nothing is added, not even BOS. */
    public int[] encodeWithControls(String prompt) {
        IntStream.Builder ids = IntStream.builder();
        Matcher matcher = controls.matcher(prompt);
        int end = 0;
        while (matcher.find()) {
            encode(prompt.substring(end, matcher.start()), ids);
            ids.accept(vocabulary.id(matcher.group()).orElseThrow());
            end = matcher.end();
        }
        encode(prompt.substring(end), ids);
        return ids.build().toArray();
    }

    /** Text of ids, control tokens left out; ids without a token are skipped, as the reference does. */
    public String decode(int... ids) {
        StreamDecoder stream = newStream();
        StringBuilder decoded = new StringBuilder();
        for (int id : ids) {
            decoded.append(stream.next(id));
        }
        return decoded.append(stream.flush()).toString();
    }

    /** A decoder for one generated sequence that leaves control tokens out. */
    public StreamDecoder newStream() {
        return new StreamDecoder(vocabulary, false);
    }

    /** A decoder for one generated sequence that shows control tokens as their strings. */
    public StreamDecoder newStreamWithControls() {
        return new StreamDecoder(vocabulary, true);
    }

    /** The id that every sequence starts with, exactly once. */
    public int bosId() {
        return bosId;
    }

    /** Id of a token given as the file spells it ({@code <end_of_turn>}, {@code \u2581the}). */
    public OptionalInt id(String token) {
        return vocabulary.id(token);
    }

    /** One past the largest id. A model may have more rows than this: they must never be sampled. */
    public int vocabSize() {
        return vocabulary.size();
    }

    /**
     * How to show a single token: its text, {@code <0xE2>} for a byte, its name for a control token, empty for an id
     * without a token.
     */
    public String piece(int id) {
        String token = vocabulary.token(id);
        return token == null ? "" : token.replace(Vocabulary.SPACE, ' ');
    }

    /** Whether the id structures a conversation rather than being text. */
    public boolean isControl(int id) {
        return vocabulary.isControl(id);
    }
}
