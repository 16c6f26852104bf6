/** Measures Phial beside its peers. */
@NullMarked
package dev.phial.bench;

import org.jspecify.annotations.NullMarked;
