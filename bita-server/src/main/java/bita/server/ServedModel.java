package bita.server;

import bita.api.LanguageModel;
import bita.api.store.Sha256;
import java.time.Instant;
import tools.jackson.databind.node.ObjectNode;

/**
 * What responses say of the model.
 *
 * @param id          its name
 * @param fingerprint of the file and of what computes it
 * @param method      how answers are decoded
 * @param context     most tokens of prompt and answer together
 * @param since       it is served
 */
record ServedModel(String id, String fingerprint, String method, int context, Instant since) {
    private static final int FINGERPRINT_DIGITS = 10;

    static ServedModel of(LanguageModel model, ServerOptions options, int context) {
        String method = options.batch().method().orElseGet(model::defaultMethod).name();
        String computed = String.join(
                "\n",
                String.valueOf(model.path().getFileName()),
                Long.toString(model.weightBytes()),
                model.kernels().describe(),
                options.batch().cacheFormat().name());
        return new ServedModel(
                options.modelId(),
                "fp_" + Sha256.of(computed).substring(0, FINGERPRINT_DIGITS),
                method,
                context,
                Instant.now());
    }

    /** As lists of models have it. */
    ObjectNode describe() {
        return Json.object()
                .put("id", id)
                .put("object", "model")
                .put("created", since.getEpochSecond())
                .put("owned_by", "bita")
                .put("max_model_len", context);
    }
}
