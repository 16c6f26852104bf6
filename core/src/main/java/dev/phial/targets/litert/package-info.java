/** Writes what TensorFlow Lite's successor LiteRT and its LiteRT-LM load on phones and boards. */
@NullMarked
package dev.phial.targets.litert;

import org.jspecify.annotations.NullMarked;
