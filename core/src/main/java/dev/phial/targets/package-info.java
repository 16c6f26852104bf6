@NullMarked
package dev.phial.targets;

import org.jspecify.annotations.NullMarked;
