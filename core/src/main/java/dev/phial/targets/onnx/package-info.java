/** Folders for ONNX Runtime GenAI, as its model builder writes them. */
@NullMarked
package dev.phial.targets.onnx;

import org.jspecify.annotations.NullMarked;
