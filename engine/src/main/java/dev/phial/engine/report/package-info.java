/** Shows what an evaluation found: a table, JSON, and a page. */
@NullMarked
package dev.phial.engine.report;

import org.jspecify.annotations.NullMarked;
