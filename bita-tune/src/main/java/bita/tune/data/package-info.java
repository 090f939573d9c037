/**
 * What tuning learns from: questions from files or from the model itself, the model's answers to them, and their split
 * into training and validation.
 */
@NullMarked
package bita.tune.data;

import org.jspecify.annotations.NullMarked;
