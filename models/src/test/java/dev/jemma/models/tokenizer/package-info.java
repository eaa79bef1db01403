@NullMarked
package dev.jemma.models.tokenizer;

import org.jspecify.annotations.NullMarked;
