package dev.jemma.engine;

/**
 * A question and its answer.
 *
 * @param answer without the thoughts that led to it
 */
public record Exchange(String question, String answer) {}
