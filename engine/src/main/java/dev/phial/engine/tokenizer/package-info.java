/** Turns text into tokens and back, for every layout in which a Phi model brings its tokenizer. */
@NullMarked
package dev.phial.engine.tokenizer;

import org.jspecify.annotations.NullMarked;
