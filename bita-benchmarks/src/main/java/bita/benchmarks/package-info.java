/** JMH benchmarks of each kernel alone, for work on it; {@code bita bench} measures whole steps. */
@NullMarked
package bita.benchmarks;

import org.jspecify.annotations.NullMarked;
