/**
 * Shows images to models: reads them, cuts them up as a model expects, and lets its encoder look.
 */
@NullMarked
package dev.phial.engine.vision;

import org.jspecify.annotations.NullMarked;
