@NullMarked
package dev.phial.tensor;

import org.jspecify.annotations.NullMarked;
