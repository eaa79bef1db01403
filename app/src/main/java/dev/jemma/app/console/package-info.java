/** Standard streams, exit statuses, and what is said on them. */
@NullMarked
package dev.jemma.app.console;

import org.jspecify.annotations.NullMarked;
