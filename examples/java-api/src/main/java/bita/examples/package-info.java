/** Programs that show how the library is used. */
@NullMarked
package bita.examples;

import org.jspecify.annotations.NullMarked;
