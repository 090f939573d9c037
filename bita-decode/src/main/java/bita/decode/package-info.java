/**
 * Decoding: adapters, draft sources, draft trees, verification, sampling and the generation loop.
 */
@NullMarked
package bita.decode;

import org.jspecify.annotations.NullMarked;
