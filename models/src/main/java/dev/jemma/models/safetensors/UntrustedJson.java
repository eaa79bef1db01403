package dev.jemma.models.safetensors;

import dev.jemma.models.ModelFormatException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/** How JSON of files from the net is read: nothing nests deeply, what is kept is short and safe to print. */
final class UntrustedJson {
    /** Tensor names run to about 80 characters; as many of these as a header may hold take up 70 MB of heap. */
    private static final int MAX_TEXT = 512;

    static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(16)
                    .maxNameLength(MAX_TEXT)
                    .maxStringLength(MAX_TEXT)
                    .maxNumberLength(32)
                    .build())
            // Its name table outlives the parser and fails on crafted hash collisions.
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .build();

    private UntrustedJson() {}

    /** A name as it was read; names end up in messages, where control characters could steer a terminal. */
    static String printable(String file, String name) {
        if (name.chars().anyMatch(Character::isISOControl)) {
            throw new ModelFormatException(
                    file + ": a name with control characters; expected printable ones; this file is not to be trusted");
        }
        return name;
    }
}
