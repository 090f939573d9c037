/** Learning prompt and mask tokens for a frozen model. */
@NullMarked
package bita.tune.train;

import org.jspecify.annotations.NullMarked;
