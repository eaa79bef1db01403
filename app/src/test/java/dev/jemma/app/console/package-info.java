@NullMarked
package dev.jemma.app.console;

import org.jspecify.annotations.NullMarked;
