package dev.jemma.models.synthetic;

import dev.jemma.models.gemma.GemmaConfig;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * A tokenizer for weights that know no language: every character of a prompt is one token (or one for each of its UTF-8
 * bytes), and every other id is an invented word, so that whatever the model chooses can be shown.
 */
final class SyntheticTokenizer {
    private static final String SPACE = "\u2581";
    private static final String CONSONANTS = "bdfgklmnprstvwxz";
    private static final String VOWELS = "aeiou";
    private static final int SYLLABLES = CONSONANTS.length() * VOWELS.length();

    private static final List<String> CONTROL =
            List.of("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "<|turn>", "<turn|>");

    private final int vocabSize;
    private final StringWriter text = new StringWriter();
    private final JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text);

    private SyntheticTokenizer(int vocabSize) {
        this.vocabSize = vocabSize;
    }

    /** Writes {@code tokenizer.json} and {@code chat_template.jinja}. */
    static void write(Path directory, GemmaConfig config) throws IOException {
        writeNew(directory.resolve("tokenizer.json"), new SyntheticTokenizer(config.vocabSize()).json());
        writeNew(directory.resolve("chat_template.jinja"), template(config.family()));
    }

    private static void writeNew(Path file, String content) throws IOException {
        Files.writeString(file, content, StandardOpenOption.CREATE_NEW);
    }

    private static String template(GemmaConfig.Family family) {
        return switch (family) {
            case GEMMA2, GEMMA3 -> turns("<start_of_turn>", "<end_of_turn>");
            case GEMMA4 -> turns("<|turn>", "<turn|>");
        };
    }

    private static String turns(String start, String end) {
        return "{{ bos_token }}{% for message in messages %}{{ '" + start
                + "' + ('model' if message['role'] == 'assistant' else message['role']) + '\\n'"
                + " + (message['content'] | trim) + '" + end + "\\n' }}{% endfor %}"
                + "{% if add_generation_prompt %}{{ '" + start + "model\\n' }}{% endif %}\n";
    }

    private String json() {
        json.writeStartObject();
        json.writeStringProperty("version", "1.0");
        json.writeArrayPropertyStart("added_tokens");
        for (int id = 0; id < CONTROL.size(); id++) {
            json.writeStartObject();
            json.writeNumberProperty("id", id);
            json.writeStringProperty("content", CONTROL.get(id));
            json.writeBooleanProperty("special", true);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeObjectPropertyStart("normalizer");
        writeReplacement(" ", SPACE);
        json.writeEndObject();
        writeDecoder();
        writeModel();
        json.writeEndObject();
        json.close();
        return text.toString();
    }

    private void writeReplacement(String from, String to) {
        json.writeStringProperty("type", "Replace");
        json.writeObjectPropertyStart("pattern");
        json.writeStringProperty("String", from);
        json.writeEndObject();
        json.writeStringProperty("content", to);
    }

    private void writeDecoder() {
        json.writeObjectPropertyStart("decoder");
        json.writeStringProperty("type", "Sequence");
        json.writeArrayPropertyStart("decoders");
        json.writeStartObject();
        writeReplacement(SPACE, " ");
        json.writeEndObject();
        for (String type : List.of("ByteFallback", "Fuse")) {
            json.writeStartObject();
            json.writeStringProperty("type", type);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private void writeModel() {
        json.writeObjectPropertyStart("model");
        json.writeStringProperty("type", "BPE");
        json.writeStringProperty("unk_token", "<unk>");
        json.writeBooleanProperty("byte_fallback", true);
        json.writeObjectPropertyStart("vocab");
        for (int id = 0; id < vocabSize; id++) {
            json.writeNumberProperty(piece(id), id);
        }
        json.writeEndObject();
        json.writeArrayPropertyStart("merges");
        json.writeEndArray();
        json.writeEndObject();
    }

    /** Control tokens, the 256 bytes, the space, printable ASCII, then words of three syllables (512,000 differ). */
    private static String piece(int id) {
        int bytes = CONTROL.size();
        int ascii = bytes + 256;
        int words = ascii + 1 + ('~' - '!' + 1);
        if (id < bytes) {
            return CONTROL.get(id);
        }
        if (id < ascii) {
            return "<0x%02X>".formatted(id - bytes);
        }
        if (id < words) {
            return id == ascii ? SPACE : String.valueOf((char) ('!' + id - ascii - 1));
        }
        int word = id - words;
        return SPACE
                + syllable(word / SYLLABLES / SYLLABLES)
                + syllable(word / SYLLABLES % SYLLABLES)
                + syllable(word % SYLLABLES);
    }

    private static String syllable(int index) {
        return "" + CONSONANTS.charAt(index / VOWELS.length()) + VOWELS.charAt(index % VOWELS.length());
    }
}
