/**
 * Checkpoints of BiTA's reference implementation, read without Python.
 *
 * @see <a href="https://github.com/linfeng93/BiTA">The reference implementation</a>
 */
@NullMarked
package bita.tune.reference;

import org.jspecify.annotations.NullMarked;
