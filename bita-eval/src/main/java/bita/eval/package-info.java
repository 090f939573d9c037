/**
 * Suites of questions, and the audit that proves exactness over them.
 */
@NullMarked
package bita.eval;

import org.jspecify.annotations.NullMarked;
