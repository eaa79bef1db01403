@NullMarked
package dev.jemma.engine;

import org.jspecify.annotations.NullMarked;
