@NullMarked
package dev.phial.targets.gguf;

import org.jspecify.annotations.NullMarked;
