/** Work on the executors of Apache Spark. */
@NullMarked
package dev.phial.spark;

import org.jspecify.annotations.NullMarked;
