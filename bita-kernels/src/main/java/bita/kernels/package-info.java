/**
 * The arithmetic: number formats, packed weights, and the kernels with their one defined order of operations, as plain
 * Java (the definition), C and Vector API; the thread team that runs them.
 */
@NullMarked
package bita.kernels;

import org.jspecify.annotations.NullMarked;
