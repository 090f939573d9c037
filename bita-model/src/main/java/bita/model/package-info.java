/**
 * The model: files, tokenizer, chat template, transformer and KV cache. It knows nothing of how drafts are made.
 */
@NullMarked
package bita.model;

import org.jspecify.annotations.NullMarked;
