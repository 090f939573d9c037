package bita.model.tokenizer;

import bita.model.file.GgufFile;
import bita.model.file.GgufMetadata;
import bita.model.file.GgufMetadataBuilder;
import bita.model.file.GgufWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** GGUF files that hold a tokenizer and nothing else. */
final class TokenizerGguf {
    private TokenizerGguf() {}

    static GgufMetadataBuilder byteLevel(String pre, List<String> tokens, int[] types, List<String> merges) {
        return GgufMetadata.builder()
                .string("general.architecture", "llama")
                .string("tokenizer.ggml.model", "gpt2")
                .string("tokenizer.ggml.pre", pre)
                .strings("tokenizer.ggml.tokens", tokens)
                .integers("tokenizer.ggml.token_type", types)
                .strings("tokenizer.ggml.merges", merges);
    }

    static GgufMetadataBuilder sentencePiece(List<String> tokens, int[] types, float[] scores) {
        return GgufMetadata.builder()
                .string("general.architecture", "llama")
                .string("tokenizer.ggml.model", "llama")
                .string("tokenizer.ggml.pre", "default")
                .strings("tokenizer.ggml.tokens", tokens)
                .integers("tokenizer.ggml.token_type", types)
                .floats("tokenizer.ggml.scores", scores);
    }

    static Path write(Path file, GgufMetadata metadata) throws IOException {
        try (GgufWriter writer = GgufWriter.create(file, metadata, true)) {
            writer.finish();
        }
        return file;
    }

    /** The tokenizer of such a file. */
    static Tokenizer open(Path folder, GgufMetadataBuilder metadata) throws IOException {
        try (GgufFile file = GgufFile.open(write(folder.resolve("tokenizer.gguf"), metadata.build()))) {
            return Tokenizer.of(file);
        }
    }
}
