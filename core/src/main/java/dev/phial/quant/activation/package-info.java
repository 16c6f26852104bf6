/** Activations in few bits: where they are seen, what range they have, what they are rounded to. */
@NullMarked
package dev.phial.quant.activation;

import org.jspecify.annotations.NullMarked;
