@NullMarked
package dev.jemma.app.generate;

import org.jspecify.annotations.NullMarked;
