package dev.jemma.kernels.gpu;

/**
 * One shader file of {@code src/main/metal}, with the headers it includes already put in.
 *
 * @param name file name, for errors: {@code norm.metal}
 */
public record ShaderLibrary(String name, String source) {}
