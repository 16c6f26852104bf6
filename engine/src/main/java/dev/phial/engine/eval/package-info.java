/** Measures models: perplexity, and how far a candidate departs from a reference. */
@NullMarked
package dev.phial.engine.eval;

import org.jspecify.annotations.NullMarked;
