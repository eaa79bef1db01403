@NullMarked
package dev.jemma.app.bench;

import org.jspecify.annotations.NullMarked;
