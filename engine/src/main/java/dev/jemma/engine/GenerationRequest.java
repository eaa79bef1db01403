package dev.jemma.engine;

/**
 * A text to generate.
 *
 * @param id names it; with the seed it decides its random numbers
 * @param prompt token ids, with the beginning-of-text token where the model wants one
 * @param logprobs how many of the likeliest tokens to report for each step; 0 for none
 * @param thoughts whether reasoning in the model's thought channel is told apart from the text; otherwise it is text
 */
public record GenerationRequest(
        String id, TokenIds prompt, SamplingOptions sampling, StopConditions stop, int logprobs, boolean thoughts) {
    public GenerationRequest(String id, TokenIds prompt, SamplingOptions sampling, StopConditions stop, int logprobs) {
        this(id, prompt, sampling, stop, logprobs, false);
    }

    public GenerationRequest {
        if (prompt.size() == 0) {
            throw new UsageException("prompt: expected at least one token, got none");
        }
        if (logprobs < 0) {
            throw new UsageException("logprobs: expected 0 or more, got " + logprobs);
        }
    }
}
