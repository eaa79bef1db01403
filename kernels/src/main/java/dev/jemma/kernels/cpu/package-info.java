/**
 * The CPU backend: every op on host memory with the Vector API, spread over a fixed pool of threads.
 *
 * <p>Three layers. {@link dev.jemma.kernels.cpu.CpuCommands} hands each op to the class of its family
 * ({@code RowOps}, {@code Projection}, {@code AttentionOps} ...). A family cuts the op into ranges and gives them to
 * {@link dev.jemma.kernels.cpu.RowPool}. The ranges call kernels ({@code DenseDots}, {@code AffineDots},
 * {@code Tiles}, {@code Exponential} ...): static loops over raw addresses. Kernels take and return primitives only,
 * and no method hands a vector to another one, because C2 boxes vectors that cross a call it does not inline ({@code Lanes.sum} alone does).
 *
 * <p>Addresses, not segments: all kernels read through one segment over the whole address space, so that no check of
 * a session or a length is left in the loops and no type profile is polluted. What makes this safe is that every op
 * was validated by {@code CheckedCommands}.
 */
@NullMarked
package dev.jemma.kernels.cpu;

import org.jspecify.annotations.NullMarked;
