/** Where the tensors of an output lie, and how they get there: the same for every target. */
@NullMarked
package dev.phial.targets.layout;

import org.jspecify.annotations.NullMarked;
