/** {@code jemma chat}: a conversation in a terminal or through a pipe. Start at {@link dev.jemma.app.chat.Chat}. */
@NullMarked
package dev.jemma.app.chat;

import org.jspecify.annotations.NullMarked;
