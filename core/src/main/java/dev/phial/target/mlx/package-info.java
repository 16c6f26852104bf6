/** What mlx_lm loads. */
@NullMarked
package dev.phial.target.mlx;

import org.jspecify.annotations.NullMarked;
