package bita.tune.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.api.Answer;
import bita.api.Message;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AnsweredSetTest {
    @TempDir
    Path folder;

    private static List<String> ids(int count) {
        return IntStream.range(0, count).mapToObj(i -> "q" + i).toList();
    }

    private Path file(List<AnsweredTurn> answers) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (AnsweredTurn answer : answers) {
            lines.append(new String(AnswerLine.write(answer, Answers.GREEDY), StandardCharsets.UTF_8));
        }
        return Files.writeString(folder.resolve("answers.jsonl"), lines);
    }

    private static List<String> names(List<Example> examples) {
        return examples.stream().map(e -> e.id() + "/" + e.turn()).toList();
    }

    @Test
    void splitsByShareWithinBounds() {
        assertThat(Split.DEFAULT.validation(ids(10_000))).hasSize(256);
        assertThat(Split.DEFAULT.validation(ids(1000))).hasSize(50);
        assertThat(Split.DEFAULT.validation(ids(100))).hasSize(16);
        assertThat(Split.DEFAULT.validation(ids(9))).hasSize(4);
        assertThat(Split.DEFAULT.validation(ids(1))).isEmpty();
        assertThat(new Split(0, 0, 9).validation(ids(100))).isEmpty();
        assertThatThrownBy(() -> new Split(Double.NaN, 0, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Split(0.1, 2, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Split(0.1, -1, 1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void splitsTheSameInAnyOrderAndForGood() {
        List<String> shuffled = new ArrayList<>(ids(200));
        Collections.shuffle(shuffled, new Random(1));
        Split split = new Split(0.02, 0, 100);

        assertThat(split.validation(shuffled)).isEqualTo(split.validation(ids(200)));
        assertThat(split.validation(ids(200))).containsExactlyInAnyOrder("q59", "q89", "q152", "q170");
    }

    @Test
    void keepsTheTurnsOfAConversationTogetherAndCounts() throws IOException {
        List<AnsweredTurn> answers = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            AnsweredTurn first = Answers.answer(i);
            answers.add(first);
            List<Message> second = List.of(first.messages().getFirst(), Message.assistant("a"), Message.user("b"));
            answers.add(new AnsweredTurn(
                    "q" + i, second, List.of(1, 2, 3, 4), List.of(5, 6, 7), Answer.Finish.LENGTH, "t"));
        }
        answers.add(Answers.answer(0));
        answers.add(Answers.answer("short", "a?", "b", 2));

        AnsweredSet set = AnsweredSet.read(file(answers), 49152, 3, new Split(0.25, 1, 100));
        Collections.shuffle(answers, new Random(2));
        AnsweredSet again = AnsweredSet.read(file(answers), 49152, 3, new Split(0.25, 1, 100));

        assertThat(set.origin()).isEqualTo(Answers.GREEDY);
        assertThat(set.training()).hasSize(60);
        assertThat(set.validation()).hasSize(20);
        Set<String> validation =
                new HashSet<>(set.validation().stream().map(Example::id).toList());
        assertThat(validation).hasSize(10);
        assertThat(set.training()).noneMatch(e -> validation.contains(e.id()));
        assertThat(names(again.training())).isEqualTo(names(set.training()));
        assertThat(names(again.validation())).isEqualTo(names(set.validation()));
        assertThat(names(set.training()))
                .isNotEqualTo(names(set.training()).stream().sorted().toList());
        long firstTokens = IntStream.range(0, 40).map(i -> 20 + i % 7).sum();
        assertThat(set.counts()).isEqualTo(new AnsweredSet.Counts(81, 1, 1, 40, 40 * 7, firstTokens + 40 * 3, 0));
    }

    @Test
    void givesThePromptAndThenTheAnswer() throws IOException {
        AnsweredSet set = AnsweredSet.read(file(List.of(Answers.answer("q", "a?", "b", 4))), 9691, 1, Split.DEFAULT);

        Example example = set.training().getFirst();
        assertThat(example.tokenIds()).containsExactly(1, 9690, 198, 0, 1, 2, 3);
        assertThat(example.promptLength()).isEqualTo(3);
        assertThat(example.answerLength()).isEqualTo(4);
        example.tokenIds()[0] = 7;
        assertThat(example.tokenIds()[0]).isEqualTo(1);
    }

    @Test
    void readsAFileThatIsBeingWritten() throws IOException {
        Path path = folder.resolve("answers.jsonl");
        try (AnswerFile file = AnswerFile.open(path, Answers.GREEDY)) {
            file.append(Answers.answer(0));
            file.append(Answers.answer(1));
            assertThat(AnsweredSet.read(path, 49152, 1, Split.DEFAULT).counts().answers())
                    .isEqualTo(2);
            assertThatThrownBy(() -> AnswerFile.open(path, Answers.GREEDY)).hasMessageContaining("already");
        }
        byte[] whole = Files.readAllBytes(path);
        Files.write(path, Arrays.copyOf(whole, whole.length - 20));
        AnsweredSet.Counts counts =
                AnsweredSet.read(path, 49152, 1, Split.DEFAULT).counts();
        assertThat(counts.answers()).isEqualTo(1);
        assertThat(counts.brokenBytes()).isPositive();
        assertThat(Files.size(path)).isEqualTo(whole.length - 20);
    }

    @Test
    void refusesTokensOfAnotherVocabularyAndFilesWithoutExamples() throws IOException {
        Path path = file(List.of(Answers.answer(0)));
        assertThatThrownBy(() -> AnsweredSet.read(path, 9690, 1, Split.DEFAULT))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(
                        "the answer to question q0 has the token 9690, and the model's vocabulary ends at 9689");
        assertThatThrownBy(() -> AnsweredSet.read(path, 49152, 21, Split.DEFAULT))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("the file holds 1 answers, and none of 21 tokens or more");
        String other = new String(AnswerLine.write(Answers.answer(1), Answers.SAMPLED), StandardCharsets.UTF_8);
        Files.writeString(path, Files.readString(path) + other);
        assertThatThrownBy(() -> AnsweredSet.read(path, 49152, 1, Split.DEFAULT))
                .hasMessageContaining("line 2: the answer was made with other settings");
    }
}
