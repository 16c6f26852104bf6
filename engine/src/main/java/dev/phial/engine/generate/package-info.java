/** Continues a text, token by token, until there is a reason to stop. */
@NullMarked
package dev.phial.engine.generate;

import org.jspecify.annotations.NullMarked;
