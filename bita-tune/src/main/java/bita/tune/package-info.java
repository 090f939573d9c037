/** Tuning: what a model teaches the tokens that draft for it. */
@NullMarked
package bita.tune;

import org.jspecify.annotations.NullMarked;
