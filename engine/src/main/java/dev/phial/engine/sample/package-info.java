/** Chooses the next token, and knows when to stop. */
@NullMarked
package dev.phial.engine.sample;

import org.jspecify.annotations.NullMarked;
