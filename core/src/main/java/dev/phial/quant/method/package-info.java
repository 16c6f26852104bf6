/** Ways to choose codes; a format says how codes lie in bytes. */
@NullMarked
package dev.phial.quant.method;

import org.jspecify.annotations.NullMarked;
