@NullMarked
package dev.phial.target;

import org.jspecify.annotations.NullMarked;
