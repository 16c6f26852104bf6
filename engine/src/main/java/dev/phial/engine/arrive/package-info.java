/**
 * Checkpoints that lie elsewhere: a folder here with the small files, and files of weights whose
 * bytes come when they are read.
 */
@NullMarked
package dev.phial.engine.arrive;

import org.jspecify.annotations.NullMarked;
