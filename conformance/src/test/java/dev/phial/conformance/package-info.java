/** Phial against the reference tools and the real runtimes. */
@NullMarked
package dev.phial.conformance;

import org.jspecify.annotations.NullMarked;
