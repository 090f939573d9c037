/** Reading and writing model files, GGUF and safetensors; nothing a file claims is believed before it is checked. */
@NullMarked
package bita.model.file;

import org.jspecify.annotations.NullMarked;
