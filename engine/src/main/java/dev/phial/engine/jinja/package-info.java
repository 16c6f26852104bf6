/**
 * Jinja2's templates, as far as the chat templates of models use them, set up as transformers does.
 * A template comes from a file that nobody vouches for: it reaches nothing but the values it is
 * given, and ends soon and in little memory whatever it asks for.
 */
@NullMarked
package dev.phial.engine.jinja;

import org.jspecify.annotations.NullMarked;
