package dev.jemma.engine;

/**
 * How a {@link Conversation} is answered.
 *
 * @param thinking whether the model reasons before it answers
 */
public record AnswerOptions(SamplingOptions sampling, StopConditions stop, boolean thinking) {}
