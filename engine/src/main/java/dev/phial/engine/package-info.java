/** Runs a model: its tokenizer, its layers, its sampler. */
@NullMarked
package dev.phial.engine;

import org.jspecify.annotations.NullMarked;
