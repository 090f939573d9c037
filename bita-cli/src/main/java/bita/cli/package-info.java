/**
 * The command line.
 */
@NullMarked
package bita.cli;

import org.jspecify.annotations.NullMarked;
