package bita.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.api.Answer;
import bita.api.Message;
import bita.tune.data.AnsweredTurn;
import bita.tune.data.Question;
import bita.tune.data.SelfAsked;
import bita.tune.data.SelfAsked.Verdict;
import bita.tune.data.SelfAskedSettings;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SelfAskingTest {
    /** Every third one is dropped: 2 and 5 are too short, 8 says what 1 says. */
    private static String text(int number) {
        return number == 8
                ? text(1)
                : number % 3 == 2 ? "No." : "What is the meaning of number " + number * 1001 + " in this list?";
    }

    private static SelfAsking asking(int wanted) {
        return new SelfAsking(new SelfAsked(SelfAskedSettings.DEFAULT, List.of("<end>")), 7, wanted);
    }

    private static AnsweredTurn answer(String id, String text) {
        return new AnsweredTurn(
                id, List.of(Message.user(text)), List.of(1), List.of(2), Answer.Finish.STOP, "An answer");
    }

    /** Asks with up to so many candidates under way, which arrive in random order. */
    private static List<Question> ask(SelfAsking asking, int atOnce, Random random, List<Integer> asked)
            throws IOException {
        List<Question> questions = new ArrayList<>(asking.judge());
        List<Integer> underWay = new ArrayList<>();
        while (!asking.isComplete()) {
            while (underWay.size() < atOnce) {
                OptionalInt next = asking.next();
                if (next.isEmpty()) {
                    break;
                }
                underWay.add(next.getAsInt());
                asked.add(next.getAsInt());
            }
            Collections.shuffle(underWay, random);
            int arrived = underWay.removeLast();
            asking.arrive(arrived, text(arrived), true);
            questions.addAll(asking.judge());
        }
        assertThat(asking.next()).isEmpty();
        return questions;
    }

    @Test
    void keepsTheSameWhateverTheOrder() throws IOException {
        List<Question> expected = ask(asking(9), 1, new Random(1), new ArrayList<>());
        assertThat(expected)
                .extracting(Question::id)
                .containsExactly(
                        "self-7-0",
                        "self-7-1",
                        "self-7-3",
                        "self-7-4",
                        "self-7-6",
                        "self-7-7",
                        "self-7-9",
                        "self-7-10",
                        "self-7-12");
        for (int atOnce : new int[] {2, 5, 64}) {
            List<Integer> asked = new ArrayList<>();
            SelfAsking asking = asking(9);
            assertThat(ask(asking, atOnce, new Random(atOnce), asked)).isEqualTo(expected);
            assertThat(asking.kept()).isEqualTo(9);
            assertThat(asking.asked()).isEqualTo(13);
            assertThat(asking.dropped()).isEqualTo(Map.of(Verdict.TOO_SHORT, 3L, Verdict.REPEATED, 1L));
            assertThat(asked).doesNotHaveDuplicates().hasSizeLessThanOrEqualTo(13 + 14);
        }
    }

    @Test
    void goesOnWhereAnEarlierRunHasStopped() throws IOException {
        List<Question> expected = ask(asking(9), 1, new Random(1), new ArrayList<>());
        for (int before = 0; before <= 9; before++) {
            for (int seed = 0; seed < 5; seed++) {
                List<Question> done = new ArrayList<>(expected.subList(0, Math.min(9, before + 2)));
                Collections.shuffle(done, new Random(seed));
                done = done.subList(0, before);
                SelfAsking asking = asking(9);
                done.forEach(question ->
                        asking.know(answer(question.id(), question.turns().getFirst())));
                List<Integer> asked = new ArrayList<>();
                assertThat(ask(asking, 4, new Random(seed), asked)).isEqualTo(expected);
                assertThat(asking.kept()).isEqualTo(9);
                for (Question question : done) {
                    assertThat(asked)
                            .doesNotContain(Integer.parseInt(question.id().substring("self-7-".length())));
                }
            }
        }
    }

    @Test
    void knowsOtherQuestionsOfTheFile() throws IOException {
        SelfAsking asking = asking(3);
        for (String id : List.of("self-8-0", "self-7-", "self-7-00", "self-7--1", "self-7-99999999999", "q")) {
            asking.know(answer(id, text(0)));
        }
        List<Question> questions = ask(asking, 3, new Random(1), new ArrayList<>());
        assertThat(questions).extracting(Question::id).containsExactly("self-7-1", "self-7-3", "self-7-4");
        assertThat(asking.dropped()).containsEntry(Verdict.REPEATED, 1L);
    }

    @Test
    void failedCandidatesAreNoQuestions() throws IOException {
        SelfAsking asking = asking(1);
        assertThat(asking.next()).hasValue(0);
        asking.fail(0);
        assertThat(asking.judge()).isEmpty();
        assertThat(asking.next()).hasValue(1);
        asking.arrive(1, text(1), true);
        assertThat(asking.judge()).extracting(Question::id).containsExactly("self-7-1");
        assertThat(asking.asked()).isEqualTo(2);
    }

    @Test
    void givesUpOnAModelThatCannotAsk() throws IOException {
        SelfAsking asking = asking(700);
        for (int number = 0; number < 199; number++) {
            assertThat(asking.next()).hasValue(number);
            asking.arrive(number, number == 0 ? text(0) : "", true);
            asking.judge();
        }
        assertThat(asking.next()).hasValue(199);
        asking.arrive(199, "", true);
        assertThatThrownBy(asking::judge)
                .isInstanceOf(IOException.class)
                .hasMessage("the model asks itself too few usable questions: of 200 only 1 were kept,"
                        + " others were mostly empty; give it"
                        + " questions from a file");
    }
}
