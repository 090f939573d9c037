package bita.tune.reference;

import bita.decode.Adapter;
import bita.decode.AdapterShape;
import bita.decode.Calibration;
import bita.model.file.ModelFormatException;
import bita.model.file.Text;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;

/**
 * A checkpoint of the reference implementation, read as an adapter: a folder with {@code config.json} and weights of
 * PyTorch or safetensors, in one file or several.
 *
 * <p>What the reference's source says (github.com/linfeng93/BiTA at commit af8b204), and this class follows:
 *
 * <ul>
 *   <li>{@code src/prefix_encoder.py}: the module {@code prefix_encoder} has an {@code embedding}, either (P, layers * 2 *
 *       hidden), or with {@code prefix_projection} (P, hidden) before {@code trans}, a linear layer to
 *       {@code prefix_hidden_size}, tanh, and a linear layer to layers * 2 * hidden.
 *   <li>{@code get_prompt} in {@code src/modeling_vicuna_if.py} and {@code src/modeling_falcon_if.py}: the last dimension
 *       is viewed as (layers * 2, heads, headDim) and split in pairs, so that a layer has its key, then its value. Both
 *       are for every attention head: they are put before keys and values after these were repeated for grouped queries
 *       and after rotary embedding.
 *   <li>The same files: the embeddings of the mask tokens are {@code mask_tokens} in the Llama and {@code mask_embeddings}
 *       in the Falcon, with a row for each mask if {@code mask_diff}, else one row for all.
 *   <li>{@code src/llmtuner/tuner/core/adapter.py} converts what it trains to f32 and chooses it by the names
 *       {@code mask_tokens} and {@code prefix_encoder}: by this code a Falcon's mask embeddings stay as they were drawn.
 * </ul>
 *
 * @param config  what its configuration says
 * @param files   the weight files that were opened
 * @param adapter the learned numbers; it does not know the file of the model, only the reference's training did
 */
public record ReferenceCheckpoint(ReferenceConfig config, List<Path> files, Adapter adapter) {
    private static final int ELEMENTS_AT_ONCE = 1 << 20;

    /**
     * Reads a checkpoint. Of large files only the needed parts are read.
     *
     * @throws ModelFormatException if the folder is no such checkpoint, or a file is damaged or hostile
     * @throws CancellationException if the thread is interrupted
     * @throws IOException if a file cannot be read
     */
    public static ReferenceCheckpoint read(Path folder) throws IOException {
        ReferenceConfig config = ReferenceConfig.read(folder.resolve("config.json"));
        try (Weights weights = Weights.open(folder)) {
            if (config.projection().isEmpty() && weights.has("prefix_encoder.trans.0.weight")) {
                throw new ModelFormatException(
                        folder,
                        "its weights have a projection, prefix_encoder.trans, and its config.json does not say so with"
                                + " prefix_projection: weights and config.json have to be of the same checkpoint");
            }
            return new ReferenceCheckpoint(config, weights.files(), new Reader(folder, config, weights).adapter());
        }
    }

    private record Reader(Path folder, ReferenceConfig config, Weights weights) {
        Adapter adapter() throws IOException {
            AdapterShape shape = config.shape();
            int prompts = shape.prompts();
            int hidden = shape.hidden();
            float[] prefixes = prefixes(); // (prompts, layers, 2, hidden)
            float[] keys = new float[prefixes.length / 2]; // (layers, prompts, hidden)
            float[] values = new float[prefixes.length / 2];
            for (int prompt = 0; prompt < prompts; prompt++) {
                for (int layer = 0; layer < shape.layers(); layer++) {
                    int from = (prompt * shape.layers() + layer) * 2 * hidden;
                    int to = (layer * prompts + prompt) * hidden;
                    System.arraycopy(prefixes, from, keys, to, hidden);
                    System.arraycopy(prefixes, from + hidden, values, to, hidden);
                }
            }
            return Adapter.of(
                    folder.toString(),
                    shape,
                    Optional.empty(),
                    Calibration.none(),
                    keys,
                    values,
                    masks(),
                    Optional.empty());
        }

        private float[] masks() throws IOException {
            AdapterShape shape = config.shape();
            String name = shape.architecture().equals("falcon") ? "mask_embeddings.weight" : "mask_tokens.weight";
            int hidden = shape.hidden();
            int rows = config.sharedMask() ? 1 : shape.masks();
            float[] stored = all(name, rows, hidden);
            float[] masks = new float[shape.masks() * hidden];
            for (int mask = 0; mask < shape.masks(); mask++) {
                System.arraycopy(stored, mask % rows * hidden, masks, mask * hidden, hidden);
            }
            return masks;
        }

        private float[] prefixes() throws IOException {
            AdapterShape shape = config.shape();
            int columns = 2 * shape.layers() * shape.hidden();
            return config.projection().isPresent()
                    ? projected(config.projection().getAsInt(), columns)
                    : all("prefix_encoder.embedding.weight", shape.prompts(), columns);
        }

        /** The projection network; sums and tanh are evaluated in f64. */
        private float[] projected(int width, int columns) throws IOException {
            int prompts = config.shape().prompts();
            int hidden = config.shape().hidden();
            float[] embeddings = all("prefix_encoder.embedding.weight", prompts, hidden);
            float[] inner = linear("prefix_encoder.trans.0", embeddings, prompts, hidden, width);
            for (int i = 0; i < inner.length; i++) {
                inner[i] = (float) StrictMath.tanh(inner[i]);
            }
            return linear("prefix_encoder.trans.2", inner, prompts, width, columns);
        }

        /**
         * Applies a linear layer, whose weight (outputs, inputs) may be much larger than what comes out.
         *
         * @param rows (count, inputs)
         * @return (count, outputs)
         */
        private float[] linear(String layer, float[] rows, int count, int inputs, int outputs) throws IOException {
            StoredTensor weight = weights.require(layer + ".weight", outputs, inputs);
            float[] bias = all(layer + ".bias", outputs);
            float[] results = new float[count * outputs];
            int atOnce = Math.clamp(ELEMENTS_AT_ONCE / inputs, 1, outputs);
            for (int first = 0; first < outputs; first += atOnce) {
                int some = Math.min(atOnce, outputs - first);
                float[] part = floats(weight, (long) first * inputs, some * inputs);
                for (int output = 0; output < some; output++) {
                    for (int row = 0; row < count; row++) {
                        double sum = bias[first + output];
                        for (int i = 0; i < inputs; i++) {
                            sum += (double) part[output * inputs + i] * rows[row * inputs + i];
                        }
                        results[row * outputs + first + output] = (float) sum;
                    }
                }
            }
            return finite(layer, results);
        }

        private float[] all(String name, int rows, int columns) throws IOException {
            return floats(weights.require(name, rows, columns), 0, rows * columns);
        }

        private float[] all(String name, int elements) throws IOException {
            return floats(weights.require(name, elements), 0, elements);
        }

        private float[] floats(StoredTensor tensor, long first, int count) throws IOException {
            if (Thread.currentThread().isInterrupted()) {
                throw new CancellationException();
            }
            return finite(tensor.name(), tensor.floats(first, count));
        }

        private float[] finite(String name, float[] numbers) throws ModelFormatException {
            for (float number : numbers) {
                if (!Float.isFinite(number)) {
                    throw new ModelFormatException(
                            folder,
                            "the tensor " + Text.quote(name) + " holds " + number
                                    + ": its training went wrong, or its file is damaged");
                }
            }
            return numbers;
        }
    }
}
