@NullMarked
package dev.jemma.models.chat;

import org.jspecify.annotations.NullMarked;
