@NullMarked
package dev.jemma.app.flags;

import org.jspecify.annotations.NullMarked;
