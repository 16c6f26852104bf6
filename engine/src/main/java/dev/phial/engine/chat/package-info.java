/** Puts a conversation into the words a model was trained on, by the template it comes with. */
@NullMarked
package dev.phial.engine.chat;

import org.jspecify.annotations.NullMarked;
