package bita.eval;

import static org.assertj.core.api.Assertions.assertThat;

import bita.api.Answer;
import bita.decode.Method;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class AuditTallyTest {
    private static final int VOCABULARY = 1000;
    private static final AuditPlan.Run RUN = new AuditPlan.Run(
            new AuditedMethod(Method.parse("lookup"), OptionalInt.empty()),
            new Execution(2, Execution.Executor.BEST, 64),
            128,
            false);

    private static AuditPlan.Case question(String id, int sampling) {
        return new AuditPlan.Case(
                new AuditPlan.Prompt(new Question(id, "", List.of("?")), List.of(1, 2, 3)),
                new TextSettings(TextSettings.SAMPLINGS.get(sampling), TextSettings.CACHE_FORMATS.getFirst()),
                List.of(RUN));
    }

    /** An answer of 11 tokens in 4 steps: 6 drafted tokens of 15 were accepted. */
    private static Answer.Statistics answer() {
        return new Answer.Statistics(7, 0, 11, 4, 19, 15, 1, 1);
    }

    @Test
    void addsUpGreedyAnswersOnlyForTokensPerStep() {
        AuditTally tally = new AuditTally(VOCABULARY);
        tally.add(new AuditTally.Outcome(question("a", 0), RUN, Optional.of(answer()), Optional.empty()));
        tally.add(new AuditTally.Outcome(question("b", 0), RUN, Optional.of(answer()), Optional.empty()));
        tally.add(new AuditTally.Outcome(question("c", 1), RUN, Optional.of(answer()), Optional.empty()));

        assertThat(tally.methods()).containsExactly(new MethodFigures("lookup", 3, 3, 2, 20, 8, 38));
        assertThat(tally.methods().getFirst().tokensPerStep()).isEqualTo(2.5);
        assertThat(tally.methods().getFirst().rowsPerStep()).isEqualTo(4.75);
        assertThat(tally.scope()).isEqualTo(new AuditResult.Scope(3, 33, 33_000));
        assertThat(tally.drafts()).isEqualTo(new AuditResult.Drafts(18, 27));
        assertThat(tally.mismatches()).isEmpty();
    }

    @Test
    void recordsWhatDiffers() {
        AuditTally tally = new AuditTally(VOCABULARY);
        Divergence divergence = new Divergence(Divergence.What.LOGITS, 3, 9);
        tally.add(new AuditTally.Outcome(question("a", 3), RUN, Optional.of(answer()), Optional.of(divergence)));
        tally.add(new AuditTally.Outcome(
                question("b", 0),
                RUN,
                Optional.empty(),
                Optional.of(new Divergence(Divergence.What.NOT_A_NUMBER, 0, 6))));

        assertThat(tally.methods()).containsExactly(new MethodFigures("lookup", 2, 0, 0, 0, 0, 0));
        assertThat(tally.mismatches()).hasSize(2);
        assertThat(tally.mismatches().getFirst().describe())
                .isEqualTo(
                        "question a under lookup (temperature 1.2 top-k 40 min-p 0.05 seed 3, cache f16, best kernels,"
                                + " 2 threads, prefill chunk 64): other logits at new token 3, position 9");
    }
}
