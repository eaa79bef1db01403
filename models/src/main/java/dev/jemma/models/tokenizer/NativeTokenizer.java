package dev.jemma.models.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;

/** A tokenizer inside the native library: immutable, callable from any thread, freed when unreachable. */
final class NativeTokenizer {
    private static final Cleaner CLEANER = Cleaner.create();
    private static final TokenizersLibrary LIBRARY = TokenizersLibrary.LIB;

    private final long handle;

    /**
     * @param json a whole {@code tokenizer.json}
     * @throws RefusedException with the library's reason if it refuses the file
     */
    NativeTokenizer(String json) {
        NativeLibrary.require();
        long created = create(json);
        handle = created;
        CLEANER.register(this, () -> LIBRARY.deleteTokenizer(created));
    }

    private static long create(String json) {
        try {
            return LIBRARY.createTokenizerFromString(json);
        } catch (RuntimeException e) {
            throw new RefusedException(e);
        }
    }

    /** @param text without lone surrogates: a single one makes the JNI layer replace every non-ASCII character */
    int[] encode(String text) {
        long encoding = LIBRARY.encode(handle, text, false);
        try {
            long[] ids = LIBRARY.getTokenIds(encoding);
            int[] result = new int[ids.length];
            for (int i = 0; i < ids.length; i++) {
                result[i] = Math.toIntExact(ids[i]);
            }
            return result;
        } finally {
            LIBRARY.deleteEncoding(encoding);
            Reference.reachabilityFence(this);
        }
    }

    /** The library does not take a tokenizer.json. */
    static final class RefusedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        RefusedException(RuntimeException cause) {
            super(cause.getMessage(), cause);
        }
    }
}
