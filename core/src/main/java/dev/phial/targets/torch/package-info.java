/** Folders for PyTorch: what transformers, vLLM and SGLang load. */
@NullMarked
package dev.phial.targets.torch;

import org.jspecify.annotations.NullMarked;
