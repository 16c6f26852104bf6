@NullMarked
package dev.phial.model;

import org.jspecify.annotations.NullMarked;
