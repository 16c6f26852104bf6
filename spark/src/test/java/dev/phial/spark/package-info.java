@NullMarked
package dev.phial.spark;

import org.jspecify.annotations.NullMarked;
