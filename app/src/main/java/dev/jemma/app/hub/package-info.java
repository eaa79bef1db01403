/** Hugging Face's cache of models on this machine, and downloads into it. */
@NullMarked
package dev.jemma.app.hub;

import org.jspecify.annotations.NullMarked;
