package bita.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What a planner makes of steps whose costs and luck are made up. */
class PlannerTest {
    private static final Step.Token WRONG = new Step.Token(7, DraftOrigin.ROOT, 0);
    private static final Step.Token MASK_RIGHT = new Step.Token(1, DraftOrigin.MASK, 1);

    /** Steps of 1 to 8 rows in turn, each of {@code fixed + perRow * rows} milliseconds, one token each. */
    private static Planner after(int steps, double fixed, double perRow) {
        Planner planner = new Planner(2);
        for (int i = 0; i < steps; i++) {
            int rows = 1 + i % 8;
            planner.learn(new DraftTree(4, 0), List.of(WRONG), 0, rows, nanos(fixed + perRow * rows));
        }
        return planner;
    }

    private static long nanos(double milliseconds) {
        return Math.round(milliseconds * 1e6);
    }

    @Test
    void aRowsPriceIsItsTimeInTokens() {
        // A step of 4.5 rows takes 10 + 4.5 ms for one token, so a row's millisecond is worth 1 / 14.5 tokens.
        assertThat(after(400, 10, 1).rowPrice()).isCloseTo(1 / 14.5, within(0.01));
        assertThat(after(400, 10, 0).rowPrice()).isLessThan(0.02);
        assertThat(after(400, 0, 3).rowPrice()).isGreaterThan(0.15);
    }

    @Test
    void anInterruptedStepHardlyCounts() {
        Planner planner = after(400, 10, 1);
        double before = planner.rowPrice();

        planner.learn(new DraftTree(4, 0), List.of(WRONG), 0, 8, nanos(5000));

        assertThat(planner.rowPrice()).isCloseTo(before, within(0.5 * before));
    }

    @Test
    void stepsOfOneSizeTellNothingAboutRows() {
        Planner planner = new Planner(2);
        for (int i = 0; i < 200; i++) {
            planner.learn(new DraftTree(4, 0), List.of(WRONG), 0, 1, nanos(5));
        }

        assertThat(planner.rowPrice()).isCloseTo(0.1, within(0.02));
    }

    @Test
    void aSourceIsBelievedAsFarAsItWasRight() {
        Planner planner = new Planner(2);
        for (int i = 0; i < 100; i++) {
            DraftTree tree = new DraftTree(4, 0);
            tree.add(0, 1, 0.5f, DraftOrigin.LOOKUP);
            tree.add(0, 2, 0.3f, DraftOrigin.MASK);
            planner.learn(tree, List.of(i % 10 < 3 ? new Step.Token(2, DraftOrigin.MASK, 1) : WRONG), 2, 3, nanos(5));
        }

        assertThat(planner.corrected(DraftOrigin.LOOKUP, 0.5f)).isLessThan(0.1);
        assertThat(planner.corrected(DraftOrigin.MASK, 0.3f)).isCloseTo(0.3, within(0.08));
    }

    @Test
    void masksPayWhereRowsAreCheapAndMasksAreRight() {
        assertThat(after(400, 10, 0).masksWorth(1)).isEqualTo(2);
        assertThat(after(400, 0, 3).masksWorth(0.5)).isZero();

        Planner wrong = after(400, 10, 0.5);
        Planner right = after(400, 10, 0.5);
        DraftTree tree = new DraftTree(4, 0);
        tree.add(0, 1, 0.5f, DraftOrigin.MASK);
        for (int i = 0; i < 200; i++) {
            wrong.learn(tree, List.of(WRONG), 2, 1 + i % 8, nanos(10 + 0.5 * (1 + i % 8)));
            right.learn(tree, List.of(MASK_RIGHT, WRONG), 2, 1 + i % 8, nanos(10 + 0.5 * (1 + i % 8)));
        }
        assertThat(wrong.masksWorth(1)).isZero();
        assertThat(right.masksWorth(1)).isEqualTo(1); // the second mask was never right
        assertThat(right.groupPays(0.9, 1)).isTrue();
        assertThat(right.groupPays(0.01, 1)).isFalse();
    }

    @Test
    void masksThatDidNotPayAreTriedAgain() {
        Planner planner = after(400, 10, 0.5);
        DraftTree tree = new DraftTree(4, 0);
        tree.add(0, 1, 0.5f, DraftOrigin.MASK);
        for (int i = 0; i < 200; i++) {
            planner.learn(tree, List.of(WRONG), 2, 1 + i % 8, nanos(10 + 0.5 * (1 + i % 8)));
        }
        assertThat(planner.masksWorth(1)).isZero();
        for (int i = 0; i < 200; i++) {
            planner.learn(new DraftTree(4, 0), List.of(WRONG), 0, 1 + i % 2, nanos(10 + 0.5 * (1 + i % 2)));
        }
        assertThat(planner.masksWorth(1)).isPositive();
    }
}
