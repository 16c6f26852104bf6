/** Runs a model: weights in place, layers, sessions and their caches. */
@NullMarked
package dev.phial.engine.run;

import org.jspecify.annotations.NullMarked;
