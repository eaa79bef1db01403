/**
 * Reads and writes <a href="https://github.com/huggingface/safetensors">safetensors</a> files: eight bytes of header
 * length, a JSON header, and the tensors' bytes, little-endian and row-major. Trusts nothing that a file says about
 * itself. Knows no model.
 */
@NullMarked
package dev.jemma.models.safetensors;

import org.jspecify.annotations.NullMarked;
