package bita.model;

import bita.model.file.GgufFile;
import bita.model.file.GgufMetadata;
import bita.model.file.GgufMetadataBuilder;
import bita.model.file.ModelFile;
import bita.model.file.ModelFormatException;
import bita.model.folder.ModelFolder;
import bita.model.template.ChatTemplate;
import bita.model.template.ModelTemplate;
import bita.model.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Opens models, whatever their files are: GGUF, in one file or split, or folders in Hugging Face's layout. */
public final class ModelFiles {
    private ModelFiles() {}

    /**
     * Opens a GGUF file, any part of one that was split, or a folder of safetensors files.
     *
     * @throws ModelFormatException if it is not sound, or of a kind that is not supported
     * @throws IOException if it cannot be read
     */
    public static ModelFile open(Path path) throws IOException {
        return ModelFolder.is(path) ? ModelFolder.open(path) : GgufFile.open(path);
    }

    /**
     * The tokenizer of a model that is open.
     *
     * @throws ModelFormatException if it is missing or damaged, or of a kind that is not supported
     * @throws IOException if a file cannot be read, or the native library not be loaded
     */
    public static Tokenizer tokenizer(ModelFile file) throws IOException {
        return file instanceof GgufFile gguf ? Tokenizer.of(gguf) : Tokenizer.ofFolder(file.path());
    }

    /**
     * The chat template of a model that is open, if it has one.
     *
     * @throws ModelFormatException if it cannot be used
     */
    public static Optional<ChatTemplate> template(ModelFile file) throws IOException {
        return file instanceof GgufFile gguf ? ModelTemplate.of(gguf) : ModelTemplate.ofFolder(file.path());
    }

    /**
     * The metadata of a GGUF file of a model: a GGUF file's own; those of a folder with its tokenizer and chat template.
     *
     * @throws ModelFormatException if GGUF files cannot describe the tokenizer
     */
    public static GgufMetadata metadata(ModelFile file) throws IOException {
        if (file instanceof GgufFile) {
            return file.metadata();
        }
        GgufMetadataBuilder metadata = file.metadata().toBuilder();
        metadata.string(
                "general.name",
                String.valueOf(file.path().toAbsolutePath().normalize().getFileName()));
        try (Tokenizer tokenizer = tokenizer(file)) {
            tokenizer.describe(metadata);
        }
        ModelTemplate.sourceInFolder(file.path())
                .ifPresent(source -> metadata.string("tokenizer.chat_template", source));
        return metadata.build();
    }

    /** The files that hold a model's configuration and weights: the one that is given, all parts, or those in the folder. */
    public static List<Path> of(Path path) throws IOException {
        return ModelFolder.is(path) ? ModelFolder.files(path) : GgufFile.parts(path);
    }

    /** Bytes of these files. */
    public static long bytes(Path path) throws IOException {
        long bytes = 0;
        for (Path file : of(path)) {
            bytes += Files.size(file);
        }
        return bytes;
    }
}
