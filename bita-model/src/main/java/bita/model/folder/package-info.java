/** Models in Hugging Face's layout, as folders of safetensors files, seen as GGUF files would hold them. */
@NullMarked
package bita.model.folder;

import org.jspecify.annotations.NullMarked;
