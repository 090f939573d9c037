@NullMarked
package bita.dist;

import org.jspecify.annotations.NullMarked;
