/**
 * How the codes of a matrix are chosen, whatever the format they become and the target it is for.
 */
@NullMarked
package dev.phial.choose;

import org.jspecify.annotations.NullMarked;
