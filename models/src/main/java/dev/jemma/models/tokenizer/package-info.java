/** Text to token ids and back. The algorithm runs in the tokenizers library that DJL packages. */
@NullMarked
package dev.jemma.models.tokenizer;

import org.jspecify.annotations.NullMarked;
