@NullMarked
package dev.phial.quant;

import org.jspecify.annotations.NullMarked;
