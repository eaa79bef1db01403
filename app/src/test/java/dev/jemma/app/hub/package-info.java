@NullMarked
package dev.jemma.app.hub;

import org.jspecify.annotations.NullMarked;
