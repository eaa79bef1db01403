/**
 * Generation: requests share the steps of a session, their tokens are sampled, and texts come back as events. Knows no
 * file format, no backend and no terminal. Start at {@link dev.jemma.engine.Scheduler}.
 */
@NullMarked
package dev.jemma.engine;

import org.jspecify.annotations.NullMarked;
