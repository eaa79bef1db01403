/** Conversations as the models were trained to read them. */
@NullMarked
package dev.jemma.models.chat;

import org.jspecify.annotations.NullMarked;
