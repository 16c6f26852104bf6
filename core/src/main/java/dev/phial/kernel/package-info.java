@NullMarked
package dev.phial.kernel;

import org.jspecify.annotations.NullMarked;
