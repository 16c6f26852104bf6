@NullMarked
package dev.phial.cli;

import org.jspecify.annotations.NullMarked;
