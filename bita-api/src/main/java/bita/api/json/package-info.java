/**
 * Answers that are JSON: which tokens can continue a text that a JSON Schema describes.
 *
 * <p>A schema is compiled to {@code Shape}s ({@code SchemaCompiler}). A text is read byte by byte
 * by a pushdown automaton whose states never change: a {@code Stack} of {@code Frame}s, and a {@code State}
 * of several where a text can be read in several ways. So a walk through the vocabulary, in which
 * tokens share their beginnings ({@link bita.api.json.TokenIndex}), finds all tokens that are allowed.
 */
@NullMarked
package bita.api.json;

import org.jspecify.annotations.NullMarked;
