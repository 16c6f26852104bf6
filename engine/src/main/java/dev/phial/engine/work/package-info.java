/** Work that falls into tasks, which other machines may do. */
@NullMarked
package dev.phial.engine.work;

import org.jspecify.annotations.NullMarked;
