/**
 * Cache geometry: how many rows a layer keeps, how many bytes that is, and how long each sequence in it is. Knows no
 * model and no backend; kernels see a layer's cache as a {@link dev.jemma.kernels.KvView}. Start at
 * {@link dev.jemma.kvcache.KvCache}.
 */
@NullMarked
package dev.jemma.kvcache;

import org.jspecify.annotations.NullMarked;
