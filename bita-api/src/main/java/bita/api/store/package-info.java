/**
 * The local store of models and adapters, and the sources a model is pulled from.
 */
@NullMarked
package bita.api.store;

import org.jspecify.annotations.NullMarked;
