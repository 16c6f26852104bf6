/** Converts: from what is asked for to files, with whatever a model must read before. */
@NullMarked
package dev.phial.engine.convert;

import org.jspecify.annotations.NullMarked;
