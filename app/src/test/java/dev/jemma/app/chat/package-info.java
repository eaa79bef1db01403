@NullMarked
package dev.jemma.app.chat;

import org.jspecify.annotations.NullMarked;
