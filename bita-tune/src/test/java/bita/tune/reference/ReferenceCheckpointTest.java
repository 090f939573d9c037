package bita.tune.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import bita.decode.AdapterShape;
import bita.kernels.NumberFormat;
import bita.model.file.ModelFormatException;
import bita.model.file.SafetensorsFile;
import bita.model.file.SafetensorsWriter;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReferenceCheckpointTest {
    private static final int LAYERS = 3;
    private static final int HEADS = 2;
    private static final int HEAD_DIM = 4;
    private static final int HIDDEN = 8;
    private static final int PROMPTS = 5;
    private static final int MASKS = 3;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "plain",
                "protocol4",
                "protocol5",
                "bigendian",
                "shared_f16",
                "falcon_bf16",
                "safetensors_bf16",
                "parameters",
                "views_f64"
            })
    void findsTheNumbersThatPyTorchHas(String name) throws Exception {
        check(Checkpoints.copy(name, folder), 0);
    }

    /** PyTorch evaluated these in f64. */
    @ParameterizedTest
    @ValueSource(strings = {"projection", "sharded", "safetensors_sharded"})
    void evaluatesTheProjection(String name) throws Exception {
        ReferenceCheckpoint checkpoint = check(Checkpoints.copy(name, folder), 1e-6f);

        assertThat(checkpoint.config().projection()).isEqualTo(OptionalInt.of(6));
    }

    private ReferenceCheckpoint check(Path checkpoint, float tolerance) throws IOException {
        ReferenceCheckpoint read = ReferenceCheckpoint.read(checkpoint);
        Path adapter = folder.resolve("adapter.safetensors");
        read.adapter().write(adapter, NumberFormat.F32, false);

        String family = checkpoint.endsWith("falcon_bf16") ? "falcon" : "llama";
        assertThat(read.adapter().shape())
                .isEqualTo(new AdapterShape(family, LAYERS, HEADS, HEAD_DIM, HIDDEN, PROMPTS, MASKS));
        assertThat(read.adapter().modelSha256()).isEmpty();
        assertThat(read.config().sharedMask()).isEqualTo(checkpoint.endsWith("shared_f16"));
        try (SafetensorsFile expected = SafetensorsFile.open(checkpoint.resolve("expected.safetensor"));
                SafetensorsFile found = SafetensorsFile.open(adapter)) {
            for (String tensor : new String[] {"prompt.key", "prompt.value", "mask.embedding"}) {
                assertThat(found.require(tensor).shape())
                        .containsExactly(expected.require(tensor).shape());
                assertThat(found.floats(tensor)).containsExactly(expected.floats(tensor), within(tolerance));
            }
        }
        return read;
    }

    /** Both ends of a file of 4.8 GB lie in the resources; between them are zeros, which need no room on most disks. */
    @Test
    void readsLittleOfALargeFile() throws Exception {
        Path checkpoint = Checkpoints.copy("zip64", folder);
        byte[] head = Files.readAllBytes(checkpoint.resolve("head.part"));
        byte[] tail = Files.readAllBytes(checkpoint.resolve("tail.part"));
        long size =
                Long.parseLong(Files.readString(checkpoint.resolve("size.part")).strip());
        Path file = checkpoint.resolve("pytorch_model.bin");
        try (RandomAccessFile whole = new RandomAccessFile(file.toFile(), "rw")) {
            whole.write(head);
            whole.seek(size - tail.length);
            whole.write(tail);
        }
        assertThat(size).isGreaterThan(1L << 32);

        check(checkpoint, 0);
    }

    @Test
    void opensOnlyTheFilesOfAnIndexThatItNeeds() throws Exception {
        Path checkpoint = Checkpoints.copy("sharded", folder);
        Path index = checkpoint.resolve("pytorch_model.bin.index.json");
        String all = Files.readString(index);
        Files.writeString(
                index, all.replaceFirst("\\{\"model", "{\"model.layers.0.weight\": \"absent-of-4.bin\", \"model"));

        assertThat(ReferenceCheckpoint.read(checkpoint).files())
                .extracting(Path::getFileName)
                .extracting(Path::toString)
                .containsExactly(
                        "pytorch_model-00001-of-00003.bin",
                        "pytorch_model-00002-of-00003.bin",
                        "pytorch_model-00003-of-00003.bin");
        Files.delete(index);
        check(checkpoint, 1e-6f);
    }

    @Test
    void passesByAModelThatWasNotTuned() throws Exception {
        Path checkpoint = Checkpoints.copy("parameters", folder);
        new SafetensorsWriter()
                .tensor("model.embed_tokens.weight", NumberFormat.F32, new long[] {1}, new float[] {1})
                .write(checkpoint.resolve("model.safetensors"), false);

        ReferenceCheckpoint read = check(checkpoint, 0);

        assertThat(read.files()).containsExactly(checkpoint.resolve("learned.pt"));
        Files.delete(checkpoint.resolve("learned.pt"));
        refuses(checkpoint, "none of its weight files has prefix_encoder or mask_tokens");
    }

    @Test
    void stopsWhenInterrupted() throws Exception {
        Path checkpoint = Checkpoints.copy("plain", folder);
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> ReferenceCheckpoint.read(checkpoint))
                    .isInstanceOf(java.util.concurrent.CancellationException.class);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            "prompt_num": 5            | "prompt_num": 0            | prompt_num has to be a whole number of at least 1, not "0"
            "prompt_num": 5            | "prompt_num": 6            | has the shape [5, 48] where the numbers of config.json make [6, 48]
            "prompt_num": 5            | "prompt_num": 2000         | up to 1024 prompt tokens
            "prompt_num"               | "other"                    | it lacks prompt_num, which the reference implementation writes
            "mask_num": 3              | "mask_num": 3.5            | mask_num has to be a whole number
            "mask_num"                 | "other"                    | it lacks mask_num
            "mask_diff": true          | "mask_diff": false         | has the shape [3, 8] where the numbers of config.json make [1, 8]
            "mask_diff": true          | "mask_diff": "yes"         | mask_diff has to be true or false, not "yes"
            "prefix_projection": false | "prefix_projection": true  | has the shape [5, 48] where the numbers of config.json make [5, 8]
            "num_attention_heads": 2   | "num_attention_heads": 3   | hidden_size, 8, is not a multiple of num_attention_heads, 3
            "num_attention_heads"      | "n_head"                   | num_attention_heads has to be a whole number of at least 1, and is missing
            "hidden_size": 8           | "hidden_size": -8          | hidden_size has to be a whole number
            "hidden_size": 8           | "hidden_size": [8]         | not a list or an object
            "hidden_size": 8           | "hidden_size": 2147483646  | too many numbers
            "num_hidden_layers": 3     | "num_hidden_layers": 9999999 | more than 134217728 numbers
            "model_type": "llama"      | "model_type": "falcon"     | lack the tensor mask_embeddings.weight
            "model_type": "llama"      | "model_type": "gpt2"       | model_type is "gpt2"
            "model_type": "llama"      | "model_type": 1            | model_type is ""
            {                          | [                          | this is not the JSON it should be
            """)
    void refusesAConfigurationThatDoesNotFit(String sound, String broken, String problem) throws Exception {
        Path checkpoint = Checkpoints.copy("plain", folder);
        Path config = checkpoint.resolve("config.json");
        String text = Files.readString(config);
        assertThat(text).contains(sound);
        Files.writeString(config, text.replace(sound, broken));

        refuses(checkpoint, problem);
    }

    @Test
    void refusesAProjectionThatIsNotDeclared() throws Exception {
        Path checkpoint = Checkpoints.copy("projection", folder);
        Path config = checkpoint.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("projection\": true", "projection\": false"));

        refuses(checkpoint, "its weights have a projection");
    }

    @Test
    void refusesNumbersThatAreNotFinite() throws Exception {
        Path checkpoint = Checkpoints.copy("safetensors_bf16", folder);
        Path file = checkpoint.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        int numbers = bytes.length - 2 * PROMPTS * LAYERS * 2 * HIDDEN;
        bytes[numbers] = (byte) 0xc0;
        bytes[numbers + 1] = 0x7f;
        Files.write(file, bytes);

        refuses(checkpoint, "holds NaN: its training went wrong");
    }

    @Test
    void refusesATensorThatIsThereTwice() throws Exception {
        Path checkpoint = Checkpoints.copy("parameters", folder);
        Files.copy(checkpoint.resolve("learned.pt"), checkpoint.resolve("again.pt"));

        refuses(checkpoint, "is there twice");
    }

    @Test
    void refusesAnIndexThatLeavesTheFolder() throws Exception {
        Path checkpoint = Checkpoints.copy("sharded", folder);
        Path index = checkpoint.resolve("pytorch_model.bin.index.json");
        String sound = Files.readString(index);
        Files.writeString(index, sound.replace("pytorch_model-0000", "../pytorch_model-0000"));
        refuses(checkpoint, "is not a weight file of this folder");
        Files.writeString(index, sound.replace("weight_map", "weights"));
        refuses(checkpoint, "it lacks the weight_map");
        Files.writeString(index, "[".repeat(100_000));
        refuses(checkpoint, "this is not the JSON it should be");
        Files.writeString(index, sound);
        Files.delete(checkpoint.resolve("pytorch_model-00002-of-00003.bin"));
        assertThatThrownBy(() -> ReferenceCheckpoint.read(checkpoint))
                .isInstanceOf(FileSystemException.class)
                .hasMessageContaining("00002-of-00003.bin", "is the checkpoint complete?");
    }

    @Test
    void refusesFoldersThatAreNoCheckpoint() throws Exception {
        assertThatThrownBy(() -> ReferenceCheckpoint.read(folder.resolve("absent")))
                .isInstanceOf(FileSystemException.class)
                .hasMessageContaining("config.json");
        Path checkpoint = Checkpoints.copy("plain", folder);
        Files.delete(checkpoint.resolve("pytorch_model.bin"));
        assertThatThrownBy(() -> ReferenceCheckpoint.read(checkpoint))
                .isInstanceOf(FileSystemException.class)
                .hasMessageContaining("this folder has no weights");
    }

    @Test
    void saysHowToConvertFilesOfOldPyTorch() throws Exception {
        refuses(
                Checkpoints.copy("legacy", folder),
                "before version 1.6",
                "f = 'pytorch_model.bin'; torch.save(torch.load(f, map_location='cpu'), f)");
    }

    private static void refuses(Path checkpoint, String... problem) {
        assertThatThrownBy(() -> ReferenceCheckpoint.read(checkpoint))
                .isInstanceOf(ModelFormatException.class)
                .satisfies(e -> assertThat(e.getMessage()).startsWith(checkpoint.toString()))
                .satisfies(e -> Arrays.stream(problem)
                        .forEach(part -> assertThat(e.getMessage()).contains(part)));
    }
}
