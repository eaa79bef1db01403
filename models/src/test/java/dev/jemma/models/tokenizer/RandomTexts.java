package dev.jemma.models.tokenizer;

import java.util.List;
import java.util.Random;

/** Texts that tokenizers trip over. */
final class RandomTexts {
    private static final List<String> PARTS = List.of(
            "the ",
            "fox",
            " ",
            "  ",
            "\n",
            "\n\n\n",
            "\t",
            "\r\n",
            "é",
            "ß",
            "\u2581",
            "日本語",
            "العربية",
            "👩‍👩‍👧‍👦",
            "🏳️‍🌈",
            "e\u0301",
            "\u200B",
            "\u0000",
            "\uFFFD",
            "\uFEFF",
            "𒀀",
            "<b>",
            "</td>",
            "<0x0A>",
            "<",
            ">",
            "<|",
            "|>",
            "<bos>",
            "<eos>",
            "<unk>",
            "<|turn>",
            "<turn|>",
            "<start_of_turn>",
            "<end_of_turn>",
            "<<bos>>",
            "<unused7>",
            "0123456789",
            "x=1;//",
            "#",
            "\\",
            "\"");

    private RandomTexts() {}

    static String mixed(Random random) {
        StringBuilder text = new StringBuilder();
        int parts = random.nextInt(20);
        for (int i = 0; i < parts; i++) {
            if (random.nextInt(4) > 0) {
                text.append(PARTS.get(random.nextInt(PARTS.size())));
            } else {
                int codePoint = random.nextInt(random.nextBoolean() ? 0x250 : 0x30000);
                text.appendCodePoint(
                        codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE ? 'x' : codePoint);
            }
        }
        return text.toString();
    }
}
