package dev.jemma.models.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;

/**
 * How the model's authors sample from it: {@code generation_config.json}, united with {@code config.json}.
 *
 * @param temperature 0 for greedy decoding; 1 where the checkpoint says nothing
 * @param topK 0 for no limit
 * @param topP 1 for no limit
 * @param minP 0 for no limit
 * @param repetitionPenalty 1 for none
 * @param eosTokenIds where to stop; a chat template's end of turn may be missing here (Gemma 2)
 * @param bosTokenId first token of every sequence
 * @param suppressTokens tokens that are never sampled
 */
public record GenerationDefaults(
        float temperature,
        int topK,
        float topP,
        float minP,
        float repetitionPenalty,
        SequencedSet<Integer> eosTokenIds,
        int bosTokenId,
        List<Integer> suppressTokens) {
    private static final int EOS = 1;
    private static final int BOS = 2;

    public GenerationDefaults {
        eosTokenIds = Collections.unmodifiableSequencedSet(new LinkedHashSet<>(eosTokenIds));
        suppressTokens = List.copyOf(suppressTokens);
    }

    static GenerationDefaults read(Path directory, ConfigObject text, ConfigObject root, int vocabSize) {
        Path file = directory.resolve("generation_config.json");
        ConfigObject generation = Files.exists(file) ? ConfigObject.read(file) : ConfigObject.empty(file.toString());
        SequencedSet<Integer> eos = new LinkedHashSet<>(generation.ids("eos_token_id"));
        eos.addAll(text.ids("eos_token_id"));
        eos.addAll(root.ids("eos_token_id"));
        if (eos.isEmpty()) {
            eos.add(EOS);
        }
        boolean greedy = generation.isFalse("do_sample");
        Integer topK = generation.optionalInteger("top_k", 0, Integer.MAX_VALUE);
        return new GenerationDefaults(
                greedy ? 0 : (float) generation.number("temperature", 1, 0, 1000),
                topK == null ? 0 : topK,
                (float) generation.number("top_p", 1, Float.MIN_NORMAL, 1),
                (float) generation.number("min_p", 0, 0, 1),
                (float) generation.number("repetition_penalty", 1, 0.001, 1000),
                eos,
                bos(vocabSize, generation, text, root),
                // A token without a logit cannot be sampled anyway, and must not be looked up among the logits.
                generation.ids("suppress_tokens").stream()
                        .filter(id -> id < vocabSize)
                        .toList());
    }

    private static int bos(int vocabSize, ConfigObject... configs) {
        for (ConfigObject config : configs) {
            Integer id = config.optionalInteger("bos_token_id", 0, vocabSize - 1);
            if (id != null) {
                return id;
            }
        }
        return BOS;
    }
}
