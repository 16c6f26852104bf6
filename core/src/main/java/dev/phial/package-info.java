@NullMarked
package dev.phial;

import org.jspecify.annotations.NullMarked;
