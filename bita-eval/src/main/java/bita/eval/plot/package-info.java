/** Pictures of figures. Only drawing one needs AWT, and only in classes whose names end with "Chart" or "Charts". */
@NullMarked
package bita.eval.plot;

import org.jspecify.annotations.NullMarked;
