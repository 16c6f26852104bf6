/** Says which file of a model suits a device, and why the others do not. */
@NullMarked
package dev.phial.engine.advise;

import org.jspecify.annotations.NullMarked;
