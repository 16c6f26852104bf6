@NullMarked
package dev.phial.source;

import org.jspecify.annotations.NullMarked;
