package bita.tune.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.api.Answer;
import bita.api.Message;
import bita.decode.SamplingSettings;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AnswerFileTest {
    @TempDir
    Path folder;

    private Path path;

    @BeforeEach
    void name() {
        path = folder.resolve("answers.jsonl");
    }

    private AnswerFile open() throws IOException {
        return AnswerFile.open(path, Answers.GREEDY);
    }

    private byte[] write(int answers) throws IOException {
        try (AnswerFile file = open()) {
            for (int i = 0; i < answers; i++) {
                assertThat(file.append(Answers.answer(i))).isTrue();
            }
        }
        return Files.readAllBytes(path);
    }

    private void assertHolds(AnswerFile file, int answers) throws IOException {
        assertThat(file.size()).isEqualTo(answers);
        for (int i = 0; i < answers; i++) {
            AnsweredTurn answer = Answers.answer(i);
            assertThat(file.find(answer.id(), answer.messages())).contains(answer);
        }
    }

    @Test
    void keepsAnswersFromOneOpeningToTheNext() throws IOException {
        write(3);
        try (AnswerFile file = open()) {
            assertHolds(file, 3);
            assertThat(file.append(Answers.answer(2))).isFalse();
            assertThat(file.append(Answers.answer(3))).isTrue();
            assertHolds(file, 4);
            assertThat(file.find("q4", List.of(Message.user("Grüße 4?")))).isEmpty();
            assertThat(file.brokenBytes()).isZero();
            assertThat(file.duplicates()).isZero();
        }
        assertThat(Files.readAllLines(path)).hasSize(4);
    }

    @Test
    void answersThatComeTogetherAreAsThoseThatComeAlone() throws IOException {
        byte[] alone = write(4);
        Files.delete(path);
        try (AnswerFile file = open()) {
            file.append(Answers.answer(0));

            assertThat(file.append(List.of(Answers.answer(0), Answers.answer(1), Answers.answer(2), Answers.answer(1))))
                    .isEqualTo(2);
            assertThat(file.append(List.of(Answers.answer(3)))).isEqualTo(1);
            assertThat(file.append(List.of())).isZero();
            assertHolds(file, 4);
        }
        assertThat(path).hasBinaryContent(alone);
    }

    @Test
    void writesALineThatTuningCanUse() throws IOException {
        try (AnswerFile file = AnswerFile.open(path, Answers.SAMPLED)) {
            file.append(new AnsweredTurn(
                    "81",
                    List.of(Message.system("S"), Message.user("A\n"), Message.assistant("B"), Message.user("ü")),
                    List.of(1, 2),
                    List.of(49151),
                    Answer.Finish.LENGTH,
                    "t"));
        }

        assertThat(Files.readString(path))
                .isEqualTo("{\"id\":\"81\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},"
                        + "{\"role\":\"user\",\"content\":\"A\\n\"},{\"role\":\"assistant\",\"content\":\"B\"},"
                        + "{\"role\":\"user\",\"content\":\"ü\"}],\"prompt_token_ids\":[1,2],"
                        + "\"answer_token_ids\":[49151],\"finish\":\"length\",\"model_sha256\":\""
                        + "0123456789abcdef".repeat(4) + "\",\"settings\":{\"temperature\":0.7,\"top_k\":0,"
                        + "\"top_p\":0.9,\"min_p\":0.0,\"seed\":7},\"text\":\"t\"}\n");
    }

    @Test
    void knowsEachTurnOfAConversation() throws IOException {
        List<Message> second = List.of(Message.user("A?"), Message.assistant("1"), Message.user("B?"));
        try (AnswerFile file = open()) {
            file.append(Answers.answer("q", "A?", "1", 5));
            assertThat(file.find("q", second)).isEmpty();
            assertThat(file.append(new AnsweredTurn("q", second, List.of(1), List.of(2), Answer.Finish.STOP, "2")))
                    .isTrue();
            assertThat(file.find("q", second)).map(AnsweredTurn::text).contains("2");
            assertThatThrownBy(() -> file.find("q", List.of(Message.user("Changed?"))))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("an answer to another conversation with the id q");
        }
    }

    /** Whatever a stop leaves of the last line, the answers before stay, and the file can be completed. */
    @Test
    void cutsOffHalfALine() throws IOException {
        byte[] whole = write(3);
        int start = new String(whole, StandardCharsets.ISO_8859_1).lastIndexOf('\n', whole.length - 2) + 1;
        for (int length = start + 1; length < whole.length - 1; length++) {
            Files.write(path, Arrays.copyOf(whole, length));
            try (AnswerFile file = open()) {
                assertThat(file.brokenBytes()).isEqualTo(length - start);
                assertHolds(file, 2);
                assertThat(Files.size(path)).isEqualTo(start);
                file.append(Answers.answer(2));
            }
            assertThat(path).hasBinaryContent(whole);
        }
        Files.write(path, Arrays.copyOf(Arrays.copyOf(whole, start), start + 4096));
        try (AnswerFile file = open()) {
            assertThat(file.brokenBytes()).isEqualTo(4096);
            assertHolds(file, 2);
        }
    }

    @Test
    void completesALineThatLacksOnlyItsEnd() throws IOException {
        byte[] whole = write(3);
        Files.write(path, Arrays.copyOf(whole, whole.length - 1));
        try (AnswerFile file = open()) {
            assertThat(file.brokenBytes()).isZero();
            assertHolds(file, 3);
        }
        assertThat(path).hasBinaryContent(whole);
    }

    @Test
    void ignoresDuplicates() throws IOException {
        byte[] whole = write(2);
        String other = new String(
                AnswerLine.write(Answers.answer("q1", "Grüße 1?", "Later", 3), Answers.GREEDY), StandardCharsets.UTF_8);
        Files.writeString(path, new String(whole, StandardCharsets.UTF_8) + other);
        try (AnswerFile file = open()) {
            assertThat(file.duplicates()).isEqualTo(1);
            assertHolds(file, 2);
        }
    }

    @Test
    void refusesAnotherModelOrOtherSettings() throws IOException {
        byte[] whole = write(1);
        AnswerOrigin otherModel = new AnswerOrigin("f".repeat(64), SamplingSettings.greedy());

        assertThatThrownBy(() -> AnswerFile.open(path, otherModel))
                .isInstanceOf(IOException.class)
                .hasMessage(path + ", line 1: the answer is another model's (SHA-256 0123456789ab..., not"
                        + " ffffffffffff...); use that model, or another file");
        assertThatThrownBy(() -> AnswerFile.open(path, Answers.SAMPLED))
                .isInstanceOf(IOException.class)
                .hasMessage(path + ", line 1: the answer was made with other settings (greedy, not temperature 0.7,"
                        + " top-k 0, top-p 0.9, min-p 0.0, seed 7); use these, or another file");
        assertThat(path).hasBinaryContent(whole);
        open().close();
    }

    /** What somebody else wrote is never cut off, also where it lacks its last line's end. */
    @Test
    void refusesWhatIsNoFileOfAnswersAndLeavesIt() throws IOException {
        String line = new String(write(1), StandardCharsets.UTF_8);
        List<String> foreign = List.of(
                "A question?",
                "A question?\n",
                "{\"question_id\": 81, \"turns\": [\"a\"]}",
                "[]\n",
                "null\n",
                "\n",
                line + "and a remark",
                line + line.replace("q0", "q1").replace("[1,9690", "[1.5,9690"),
                line + line.replace("q0", "q1").replace("[1,9690", "[null,9690"),
                line + line.replace("q0", "q1").replace("[1,9690", "[-1,9690"),
                line + line.replace("q0", "q1").replace("[1,9690", "[\"1\",9690"),
                line + line.replace("q0", "q1").replace("[1,9690", "[99999999999,9690"),
                line + line.replace("q0", "q1").replace("\"stop\"", "\"cancelled\""),
                line + line.replace("q0", "q1").replace("\"stop\"", "\"because\""),
                line + line.replace("q0", "q1").replace("\"user\"", "\"assistant\""),
                line + line.replace("q0", "q1").replace("\"text\"", "\"texts\""),
                line + line.replace("q0", "q1").replace("0123", "xyz"),
                line + line.replace("q0", "q1").replace("\"text\":\"", "\"text\":\"\\ud83d"),
                line + line.replace("q0", " "));
        for (String content : foreign) {
            Files.writeString(path, content);
            assertThatThrownBy(this::open)
                    .as(content)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(
                            path + ", line " + (content.startsWith(line) ? 2 : 1) + ": this is no answer (")
                    .hasMessageContaining("; choose a file that bita wrote, or delete the line")
                    .hasMessageNotContaining("\n");
            assertThat(path).hasContent(content);
        }
        Files.write(path, new byte[AnswerLine.MOST_BYTES + 1]);
        assertThatThrownBy(this::open).hasMessageContaining("more than any answer");
    }

    @Test
    void refusesWhatCannotBeReadAgain() throws IOException {
        try (AnswerFile file = open()) {
            assertThatThrownBy(() -> Answers.answer("q", "a?", "\ud83d", 3))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> file.append(Answers.answer("q", "a?", "x".repeat(AnswerLine.MOST_BYTES), 3)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("can be read again");
            assertThat(file.append(Answers.answer(0))).isTrue();
        }
        try (AnswerFile file = open()) {
            assertHolds(file, 1);
        }
    }

    @Test
    void isWrittenByOneAtATimeInThisProgram() throws IOException {
        try (AnswerFile file = open()) {
            assertThatThrownBy(this::open)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("is being written by this program already");
            Path link = Files.createSymbolicLink(folder.resolve("link"), path);
            assertThatThrownBy(() -> AnswerFile.open(link, Answers.GREEDY)).hasMessageContaining("already");
            file.append(Answers.answer(0));
        }
        open().close();
    }

    @Test
    void losesNoFinishedAnswerWhenKilled() throws Exception {
        int known = 0;
        for (int round = 0; round < 3; round++) {
            Process writer = AnswerWriter.start(path, "");
            try (BufferedReader output = writer.inputReader()) {
                for (int i = 0; i < 20 + 7 * round; i++) {
                    known = Integer.parseInt(output.readLine());
                }
                assertThatThrownBy(this::open)
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("another program is writing the file");
                // The handle: the process itself would close its output, of which not all is read.
                writer.toHandle().destroyForcibly();
                writer.waitFor();
                for (String line = output.readLine(); line != null; line = output.readLine()) {
                    known = Integer.parseInt(line);
                }
            } finally {
                writer.destroyForcibly();
            }
            try (AnswerFile file = open()) {
                assertThat(file.size()).isBetween(known + 1, known + 2);
                assertHolds(file, file.size());
                assertThat(file.duplicates()).isZero();
            }
        }
    }

    /** A limit on the size of files stands in for a full disk: both end a write in the middle of a line. */
    @Test
    void staysWholeWhenTheDiskIsFull() throws Exception {
        Process writer = AnswerWriter.start(path, "ulimit -f 4 &&");
        List<String> output;
        try (BufferedReader reader = writer.inputReader()) {
            output = reader.lines().toList();
        }
        assertThat(writer.waitFor()).isZero();
        int written = output.size() - 1;
        assertThat(written).isPositive();
        assertThat(output.getLast())
                .startsWith(path + ": writing failed (")
                .endsWith("); the " + written + " answers before are kept, so make room and start again");
        assertThat(Files.readString(path)).endsWith("\n");
        try (AnswerFile file = open()) {
            assertThat(file.brokenBytes()).isZero();
            assertHolds(file, written);
        }
    }

    /** An answer that is finished when the program is told to stop is kept. */
    @Test
    void writesWhenInterrupted() throws IOException {
        try (AnswerFile file = open()) {
            Thread.currentThread().interrupt();
            file.append(Answers.answer(0));
            assertThat(Thread.interrupted()).isTrue();
            file.append(Answers.answer(1));
            assertHolds(file, 2);
        }
    }

    @Test
    void survivesDamagedFiles() throws IOException {
        byte[] sound = write(4);
        Random random = new Random(20240122);
        int refused = 0;
        for (int i = 0; i < 10_000; i++) {
            byte[] damaged = Fuzz.damage(sound, random);
            try {
                AnswerLines lines = new AnswerLines(path, new ByteArrayInputStream(damaged), Optional.empty());
                while (lines.next().isPresent()) {
                    assertThat(lines.origin()).isPresent();
                }
                assertThat(lines.wholeBytes() + lines.brokenBytes()).isEqualTo(damaged.length);
            } catch (IOException e) {
                refused++;
                assertThat(e.getMessage()).startsWith(path + ", line ").doesNotContain("\n");
            } catch (RuntimeException | Error e) {
                throw new AssertionError("case " + i + ": " + new String(damaged, StandardCharsets.ISO_8859_1), e);
            }
        }
        assertThat(refused).isBetween(3_000, 9_500);
    }
}
