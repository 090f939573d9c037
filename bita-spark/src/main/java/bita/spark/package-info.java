/**
 * The loops of tuning and evaluation on many machines: Apache Spark hands out their rounds, and this program collects what
 * comes of them.
 */
@NullMarked
package bita.spark;

import org.jspecify.annotations.NullMarked;
