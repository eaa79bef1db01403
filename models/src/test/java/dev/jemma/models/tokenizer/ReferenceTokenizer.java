package dev.jemma.models.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** The tokenizers library on an untouched {@code tokenizer.json}: the oracle of raw prompts and of decoding. */
final class ReferenceTokenizer {
    private final long handle;

    ReferenceTokenizer(Path checkpoint) throws IOException {
        NativeLibrary.require();
        handle =
                TokenizersLibrary.LIB.createTokenizerFromString(Files.readString(checkpoint.resolve("tokenizer.json")));
    }

    int[] encode(String wellFormed) {
        long encoding = TokenizersLibrary.LIB.encode(handle, wellFormed, false);
        try {
            return Arrays.stream(TokenizersLibrary.LIB.getTokenIds(encoding))
                    .mapToInt(Math::toIntExact)
                    .toArray();
        } finally {
            TokenizersLibrary.LIB.deleteEncoding(encoding);
        }
    }

    String decode(int... ids) {
        return TokenizersLibrary.LIB.decode(
                handle, Arrays.stream(ids).asLongStream().toArray(), true);
    }
}
