/** Learns from a text what matters in a model. */
@NullMarked
package dev.phial.engine.calibrate;

import org.jspecify.annotations.NullMarked;
