@NullMarked
package dev.phial.plan;

import org.jspecify.annotations.NullMarked;
