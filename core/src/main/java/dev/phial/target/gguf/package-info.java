@NullMarked
package dev.phial.target.gguf;

import org.jspecify.annotations.NullMarked;
