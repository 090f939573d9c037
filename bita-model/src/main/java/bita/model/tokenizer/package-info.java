/** From text to tokens and back. */
@NullMarked
package bita.model.tokenizer;

import org.jspecify.annotations.NullMarked;
