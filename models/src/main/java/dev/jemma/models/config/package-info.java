/**
 * Reads {@code config.json} and {@code generation_config.json} in the dialects that Gemma checkpoints come in, fills in
 * each family's defaults, and refuses by name what Jemma does not compute.
 */
@NullMarked
package dev.jemma.models.config;

import org.jspecify.annotations.NullMarked;
