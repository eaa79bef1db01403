/**
 * Metal through the Foreign Function and Memory API alone: no native code of ours, nothing to compile. From the bottom:
 * {@code bindings} (C functions, generated), {@link dev.jemma.kernels.metal.ObjC} and {@link
 * dev.jemma.kernels.metal.Send} (messages, one typed handle per signature shape), then the driver. References to
 * Objective-C objects are {@code long}; only this package holds any. ABI facts and ownership: {@code docs/metal.md}.
 */
@NullMarked
package dev.jemma.kernels.metal;

import org.jspecify.annotations.NullMarked;
