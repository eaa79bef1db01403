@NullMarked
package dev.jemma.app;

import org.jspecify.annotations.NullMarked;
