/** A decoder as targets that want a graph see it, whatever its family. */
@NullMarked
package dev.phial.graph;

import org.jspecify.annotations.NullMarked;
