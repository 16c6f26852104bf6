/** Texts that models read. */
@NullMarked
package dev.phial.engine.text;

import org.jspecify.annotations.NullMarked;
