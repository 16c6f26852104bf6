/** What mlx_lm loads. */
@NullMarked
package dev.phial.targets.mlx;

import org.jspecify.annotations.NullMarked;
