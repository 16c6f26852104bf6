@NullMarked
package dev.phial.io;

import org.jspecify.annotations.NullMarked;
