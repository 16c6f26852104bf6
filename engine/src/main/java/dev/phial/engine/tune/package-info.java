/** Finds out which tensor deserves how many bits, and spends a budget by it. */
@NullMarked
package dev.phial.engine.tune;

import org.jspecify.annotations.NullMarked;
