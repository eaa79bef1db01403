@NullMarked
package dev.jemma.models;

import org.jspecify.annotations.NullMarked;
