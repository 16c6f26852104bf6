/**
 * The Hugging Face hub: the names of models, what is in a repository, and how its files come here.
 * Nothing else in Phial opens a connection, and this only when a user names a model of the hub.
 */
@NullMarked
package dev.phial.engine.hub;

import org.jspecify.annotations.NullMarked;
