/**
 * What Java programs call: load a model, generate, stream, cancel.
 */
@NullMarked
package bita.api;

import org.jspecify.annotations.NullMarked;
