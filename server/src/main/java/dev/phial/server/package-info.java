/** Serves models over HTTP, by OpenAI's protocol. */
@NullMarked
package dev.phial.server;

import org.jspecify.annotations.NullMarked;
