/**
 * Decoding methods compared over a suite of questions: what each step yields, how fast, and whether it is the same text.
 */
@NullMarked
package bita.eval.methods;

import org.jspecify.annotations.NullMarked;
