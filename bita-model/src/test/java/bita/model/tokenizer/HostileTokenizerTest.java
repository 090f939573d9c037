package bita.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.model.file.GgufFile;
import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged tokenizers are used or refused, soon, and with the one exception there is. */
class HostileTokenizerTest {
    private static final Duration SOON = Duration.ofMinutes(2);

    @TempDir
    private Path temporary;

    /** Opens what was damaged. */
    private interface Opening {
        Tokenizer open() throws IOException;
    }

    private int used;
    private int refused;

    private void check(String what, Opening opening) throws IOException {
        try (Tokenizer tokenizer = opening.open()) {
            for (String text : new String[] {"", "the <s> other\n\n  12345 <|im_end|>é😀\u2581x", "a".repeat(3000)}) {
                int[] tokens = tokenizer.encode(text, false);
                tokenizer.decode(tokens);
                for (int token : tokens) {
                    boolean unknown = tokenizer.text(token).equals("<unk>") || !tokenizer.isSpecial(token);
                    assertThat(unknown)
                            .as("%s: token %s of text that is not trusted", what, token)
                            .isTrue();
                }
                tokenizer.decode(tokenizer.encode(text, true));
            }
            used++;
        } catch (ModelFormatException e) {
            assertThat(e.getMessage()).as(what).isNotBlank().doesNotContain("\n");
            refused++;
        } catch (RuntimeException | Error e) {
            throw new AssertionError(what, e);
        }
    }

    private void enough(int least) {
        assertThat(used).as("used").isGreaterThan(least);
        assertThat(refused).as("refused").isGreaterThan(least);
    }

    private static byte[] damaged(byte[] sound, Random random) {
        byte[] bytes = sound.clone();
        for (int n = random.nextInt(1, 5); n > 0; n--) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(4)) {
                case 0 -> bytes[at] = (byte) random.nextInt();
                case 1 -> bytes[at] = (byte) "0123456789\"{}[],:tfn-\\".charAt(random.nextInt(22));
                case 2 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                default -> {
                    int length = Math.min(random.nextInt(1, 40), bytes.length - at);
                    int from = random.nextInt(bytes.length - length + 1);
                    System.arraycopy(sound, from, bytes, at, length);
                }
            }
        }
        return random.nextInt(20) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
    }

    @Test
    void aDamagedTokenizerJson() throws IOException {
        for (String name : new String[] {"falcon", "spm"}) {
            Path folder = Trained.folder(temporary, name, "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}");
            byte[] sound = Trained.bytes("tokenizer-" + name + ".json");
            int beginning = new String(sound, StandardCharsets.UTF_8).indexOf("\"vocab\"");
            Random random = new Random(20240122);
            Assertions.assertTimeoutPreemptively(SOON, () -> {
                for (int i = 0; i < 1500; i++) {
                    byte[] bytes = damaged(sound, random);
                    if (i % 2 == 0) { // all of it at the beginning
                        byte[] head = damaged(Arrays.copyOf(sound, beginning), random);
                        bytes = Arrays.copyOf(head, head.length + sound.length - beginning);
                        System.arraycopy(sound, beginning, bytes, head.length, sound.length - beginning);
                    }
                    Files.write(folder.resolve("tokenizer.json"), bytes);
                    check(name + " " + i, () -> Tokenizer.ofFolder(folder));
                }
            });
        }
        enough(100);
    }

    @Test
    void damagedSettings() throws IOException {
        String settings = """
                {"bos_token":"<s>","eos_token":{"content":"</s>"},"add_bos_token":true,"eos_token_id":[1,4],\
                "added_tokens_decoder":{"620":{"content":"<x>","special":true}},"tokenizer_class":"LlamaTokenizer"}""";
        Path folder = Files.createDirectory(temporary.resolve("settings"));
        Files.write(folder.resolve("tokenizer.model"), Trained.bytes("spm.model"));
        Random random = new Random(20240122);
        Assertions.assertTimeoutPreemptively(SOON, () -> {
            for (int i = 0; i < 1000; i++) {
                String[] names = {"tokenizer_config.json", "generation_config.json", "added_tokens.json"};
                for (String name : names) {
                    String text = name.startsWith("added") ? "{\"<y>\":620}" : settings;
                    byte[] sound = text.getBytes(StandardCharsets.UTF_8);
                    boolean spared = !name.equals(names[i % names.length]);
                    Files.write(folder.resolve(name), spared ? sound : damaged(sound, random));
                }
                check("settings " + i, () -> Tokenizer.ofFolder(folder));
            }
        });
        enough(50);
    }

    @Test
    void aDamagedTokenizerModel() throws IOException {
        Path folder = Files.createDirectory(temporary.resolve("model"));
        byte[] sound = Trained.bytes("spm.model");
        Random random = new Random(20240122);
        Assertions.assertTimeoutPreemptively(SOON, () -> {
            for (int i = 0; i < 1500; i++) {
                Files.write(folder.resolve("tokenizer.model"), damaged(sound, random));
                check("model " + i, () -> Tokenizer.ofFolder(folder));
            }
        });
        enough(100);
    }

    @Test
    void aDamagedGgufFile() throws IOException {
        Path file = temporary.resolve("tokenizer.gguf");
        for (boolean pieces : new boolean[] {false, true}) {
            Tokenizer tokenizer = pieces
                    ? Trained.sentencePiece(temporary, "spm", Optional.empty())
                    : Trained.byteLevel(temporary, "qwen2");
            tokenizer.close();
            byte[] sound = Files.readAllBytes(file);
            Random random = new Random(20240122);
            Assertions.assertTimeoutPreemptively(SOON, () -> {
                for (int i = 0; i < 1500; i++) {
                    // In place: a file is not changed while it is mapped.
                    Files.write(file, damaged(sound, random));
                    check("gguf " + i, () -> {
                        try (GgufFile gguf = GgufFile.open(file)) {
                            return Tokenizer.of(gguf);
                        }
                    });
                }
            });
        }
        enough(100);
    }

    @Test
    void numbersThatAreNoScoresAreRefused() {
        for (float score : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            assertThatThrownBy(() -> TokenizerGguf.open(
                            temporary,
                            TokenizerGguf.sentencePiece(
                                    List.of("<unk>", "a"), new int[] {2, 1}, new float[] {0, score})))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("score");
        }
    }

    @Test
    void anEndlessTokenIsRefusedSoon() {
        Assertions.assertTimeoutPreemptively(
                SOON,
                () -> assertThatThrownBy(() -> TokenizerGguf.open(
                                temporary,
                                TokenizerGguf.sentencePiece(
                                        List.of("a", "a".repeat(1 << 20)), new int[] {1, 1}, new float[2])))
                        .isInstanceOf(ModelFormatException.class)
                        .hasMessageContaining("characters"));
    }

    @Test
    void aDeepFileIsRefused() throws IOException {
        Path folder = Trained.folder(temporary, "gpt-2", "{}");
        for (String field : new String[] {"normalizer", "pre_tokenizer", "post_processor", "x", "added_tokens"}) {
            Files.writeString(
                    folder.resolve("tokenizer.json"),
                    "{\"" + field + "\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}");
            assertThatThrownBy(() -> Tokenizer.ofFolder(folder))
                    .as(field)
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining("JSON");
        }
    }

    /** One word of a hundred thousand letters, and as many blanks: no tokenizer takes longer than a text of that length may. */
    @Test
    void longWordsTakeNoLongerThanOtherTexts() throws IOException {
        for (String name : new String[] {"llama-bpe", "tekken", "falcon", "spm"}) {
            try (Tokenizer tokenizer = Tokenizer.ofFolder(Trained.folder(temporary, name, "{}"))) {
                Assertions.assertTimeoutPreemptively(SOON, () -> {
                    for (String unit : new String[] {"a", " ", "\n", "1", "!", "Aa", "漢", "\u0301", "a1", "<s"}) {
                        String text = unit.repeat(100_000);
                        assertThat(tokenizer.decode(tokenizer.encode(text, true)))
                                .hasSize(text.length());
                    }
                });
            }
        }
    }
}
