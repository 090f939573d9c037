/** What a step costs, held against the machine's limits. */
@NullMarked
package bita.eval.bench;

import org.jspecify.annotations.NullMarked;
