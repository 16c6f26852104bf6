/** What is wrong with an exported model, and what will come of it. */
@NullMarked
package dev.phial.engine.doctor;

import org.jspecify.annotations.NullMarked;
