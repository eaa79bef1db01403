package dev.jemma.models.safetensors;

import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/** How JSON of files from the net is read: nothing nests deeply, no name or string that is kept is long. */
final class UntrustedJson {
    /** Tensor names run to about 80 characters. */
    private static final int MAX_TEXT = 4096;

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
}
