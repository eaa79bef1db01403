package dev.jemma.models.loading;

import dev.jemma.kernels.DType;
import dev.jemma.models.ModelFormatException;
import dev.jemma.models.safetensors.ElementType;
import dev.jemma.models.safetensors.SafetensorsCheckpoint.StoredTensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where in a checkpoint the decoder's tensors are. Exports differ in what stands before {@code layers.0}: {@code model.},
 * {@code model.language_model.}, {@code language_model.model.}.
 *
 * @param prefix of every decoder tensor but the head's
 * @param lmHead module path of an output head; null if there is none
 * @param splitExperts MLX's three stacks per layer instead of Hugging Face's two
 */
record DecoderNames(String prefix, @Nullable String lmHead, boolean splitExperts) {
    private static final String EMBEDDING = "embed_tokens.weight";
    private static final String HEAD = "lm_head.weight";

    /**
     * Finds them.
     *
     * @throws ModelFormatException if there is no decoder, or more than one
     */
    static DecoderNames find(Path directory, Set<String> tensors) {
        List<String> prefixes = before(EMBEDDING, tensors);
        if (prefixes.size() != 1) {
            throw new ModelFormatException(directory + ": expected one tensor named " + EMBEDDING
                    + " after any prefix, got " + (prefixes.isEmpty() ? "none" : prefixes)
                    + "; this is not a Gemma decoder, or its download is incomplete");
        }
        List<String> heads = before(HEAD, tensors);
        if (heads.size() > 1) {
            throw new ModelFormatException(directory + ": expected at most one tensor named " + HEAD + ", got "
                    + heads.size() + "; use another checkpoint of the model");
        }
        String prefix = prefixes.getFirst();
        return new DecoderNames(
                prefix,
                heads.isEmpty() ? null : heads.getFirst() + "lm_head",
                tensors.stream().anyMatch(name -> name.startsWith(prefix) && name.contains(".experts.switch_glu.")));
    }

    /**
     * Type of the embedding table or of its scales, which is the type a checkpoint was trained or converted in. BF16, as
     * every published Gemma has it, if there is no such tensor.
     */
    static DType checkpointType(Map<String, StoredTensor> tensors) {
        for (String suffix : new String[] {"embed_tokens.scales", EMBEDDING}) {
            for (String prefix : before(suffix, tensors.keySet())) {
                StoredTensor tensor = tensors.get(prefix + suffix);
                ElementType type = tensor == null ? null : tensor.info().type();
                if (type != null && type.weightType() != null) {
                    return type.weightType();
                }
            }
        }
        return DType.BF16;
    }

    private static List<String> before(String suffix, Set<String> tensors) {
        List<String> prefixes = new ArrayList<>();
        for (String name : tensors) {
            boolean ends = name.endsWith(suffix);
            String prefix = ends ? name.substring(0, name.length() - suffix.length()) : "";
            if (ends && (prefix.isEmpty() || prefix.endsWith(".")) && !ofAnotherModality(name)) {
                prefixes.add(prefix);
            }
        }
        return prefixes;
    }

    /** What text generation leaves aside: towers, projectors and embedders for images, audio and video. */
    static boolean ofAnotherModality(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.contains("vision") || lower.contains("audio") || lower.contains("multi_modal_projector");
    }

    /** Inside the language model, where an unknown tensor means that we would compute something else. */
    boolean inLanguageModel(String name) {
        String root = prefix.endsWith("model.") && !prefix.endsWith("_model.")
                ? prefix.substring(0, prefix.length() - "model.".length())
                : prefix;
        return name.startsWith(root);
    }
}
