/** Every golden checkpoint through every backend, compared with what Hugging Face transformers computed. */
@NullMarked
package dev.jemma.models.golden;

import org.jspecify.annotations.NullMarked;
