package bita.eval;

import static org.assertj.core.api.Assertions.assertThat;

import bita.eval.AuditOptions.Mode;
import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AuditPlanTest {
    private static final Machine MACHINE = new Machine(
            2, List.of(InstructionSet.GENERIC, InstructionSet.AVX2, InstructionSet.AVX512), Optional.empty());
    private static final AuditOptions OPTIONS = AuditOptions.of(Path.of("model.gguf"), Path.of("suite.jsonl"));
    private static final int METHODS = AuditedMethod.standard().size();

    /** Prompts of 20, 19, 18, ... tokens. */
    private static List<AuditPlan.Prompt> prompts(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new AuditPlan.Prompt(
                        new Question("q" + i, "", List.of("?")), Collections.nCopies(20 + count - i, 1)))
                .toList();
    }

    private static List<AuditPlan.Run> methodRuns(AuditPlan.Case one) {
        return one.runs().stream().filter(run -> !run.backendCheck()).toList();
    }

    @Test
    void everyPromptMeetsEveryMethod() {
        AuditPlan plan = AuditPlan.of(OPTIONS, prompts(12), MACHINE, Optional.of(3));

        assertThat(plan.cases())
                .hasSize(12)
                .allSatisfy(one -> assertThat(methodRuns(one))
                        .extracting(AuditPlan.Run::method)
                        .containsExactlyElementsOf(AuditedMethod.standard()));
    }

    @Test
    void everyPairOfSettingsOccurs() {
        AuditPlan plan = AuditPlan.of(OPTIONS, prompts(60), MACHINE, Optional.of(3));
        Set<List<Object>> pairs = new HashSet<>();
        for (AuditPlan.Case one : plan.cases()) {
            for (AuditPlan.Run run : methodRuns(one)) {
                List<Object> values = List.of(
                        run.method(),
                        one.text().sampling(),
                        one.text().cacheFormat(),
                        run.execution().threads() + " threads",
                        run.execution().executor(),
                        run.execution().prefillChunk());
                for (int i = 0; i < values.size(); i++) {
                    for (int j = i + 1; j < values.size(); j++) {
                        pairs.add(List.of(values.get(i), values.get(j)));
                    }
                }
            }
        }
        int m = METHODS;
        int expected = m * (4 + 2 + 3 + 3 + 4) + 4 * (2 + 3 + 3 + 4) + 2 * (3 + 3 + 4) + 3 * (3 + 4) + 3 * 4;
        assertThat(pairs).hasSize(expected);
        assertThat(plan.coverage().covered()).isEqualTo(expected);
        assertThat(plan.coverage().pairs()).isEqualTo(expected);
    }

    @Test
    void slowKernelsAreUsedSparinglyOnShortPromptsAndForFewTokens() {
        AuditPlan plan = AuditPlan.of(OPTIONS, prompts(60), MACHINE, Optional.of(3));
        Execution.Executor generic = Execution.Executor.of(InstructionSet.GENERIC);

        assertThat(count(plan, run -> run.execution().executor()).get(generic)).isBetween((long) METHODS, METHODS + 4L);
        assertThat(plan.cases())
                .allSatisfy(one -> assertThat(methodRuns(one))
                        .filteredOn(run -> run.execution().executor().equals(generic))
                        .allSatisfy(run -> {
                            assertThat(run.maxTokens()).isEqualTo(4);
                            assertThat(one.prompt().tokens()).hasSizeLessThan(45);
                        }));
    }

    @Test
    void threadsAlternateAndAreMoreThanCoresOnlyAsOftenAsPairsAskFor() {
        AuditPlan plan = AuditPlan.of(OPTIONS, prompts(60), MACHINE, Optional.of(3));

        Map<Integer, Long> uses = count(plan, run -> run.execution().threads());
        assertThat(uses).containsOnlyKeys(1, 2, 3);
        assertThat(uses.get(1)).isGreaterThan(60L * METHODS / 3);
        assertThat(uses.get(2)).isGreaterThan(60L * METHODS / 3);
        assertThat(uses.get(3)).isBetween((long) METHODS, 2L * METHODS);
    }

    private static <T> Map<T, Long> count(AuditPlan plan, Function<AuditPlan.Run, T> property) {
        return plan.cases().stream()
                .flatMap(one -> methodRuns(one).stream())
                .collect(Collectors.groupingBy(property, Collectors.counting()));
    }

    @Test
    void wideTreesAnswerShorterAndTheResultSaysSo() {
        AuditPlan plan = AuditPlan.of(OPTIONS, prompts(1), MACHINE, Optional.of(3));

        assertThat(methodRuns(plan.cases().getFirst()))
                .allSatisfy(run -> assertThat(run.maxTokens())
                        .isEqualTo(run.method().mostRows(3) > AuditOptions.WIDE_ROWS ? OPTIONS.wideTreeTokens() : 128));
        assertThat(plan.notes())
                .hasSize(2)
                .anySatisfy(note -> assertThat(note).contains("only the first 16 tokens", "masks3:full:2"))
                .anySatisfy(note -> assertThat(note).contains("only the first 4 tokens", "GENERIC"));
    }

    @Test
    void otherBackendsCheckAFewPrompts() {
        AuditPlan plan = AuditPlan.of(OPTIONS, prompts(6), MACHINE, Optional.of(3));

        List<Optional<Backend>> backends = plan.cases().stream()
                .map(one -> one.runs().stream()
                        .filter(AuditPlan.Run::backendCheck)
                        .findFirst()
                        .flatMap(run -> run.execution().executor().backend()))
                .toList();
        Optional<Backend> vector = Optional.of(Backend.VECTOR);
        assertThat(backends)
                .containsExactly(vector, vector, vector, vector, Optional.empty(), Optional.of(Backend.SCALAR));
        AuditPlan.Run scalar = plan.cases().getLast().runs().getLast();
        assertThat(scalar.maxTokens()).isEqualTo(16);
        assertThat(scalar.label()).isEqualTo("masks+automaton+recycling+bigrams:best:16, scalar kernels");
    }

    @Test
    void saysWhatTheMachineCannotCheck() {
        Machine machine = new Machine(1, List.of(), Optional.of("no Vector API here"));
        AuditPlan plan = AuditPlan.of(OPTIONS, prompts(9), machine, Optional.of(3));

        assertThat(plan.notes()).anySatisfy(note -> assertThat(note).contains("no Vector API here"));
        assertThat(plan.coverage().values().get("kernels")).containsExactly("best kernels");
        assertThat(plan.coverage().values().get("threads")).containsExactly("1", "2");
        assertThat(plan.coverage().covered()).isEqualTo(plan.coverage().pairs());
    }

    @Test
    void withoutAdapterMethodsThatDraftWithItAreLeftOutAndTheResultSaysSo() {
        AuditPlan plan = AuditPlan.of(OPTIONS, prompts(2), MACHINE, Optional.empty());

        assertThat(methodRuns(plan.cases().getFirst()))
                .extracting(run -> run.method().name())
                .containsExactly("plain", "lookup", "automaton", "lookahead", "recycling");
        assertThat(plan.notes())
                .anySatisfy(note -> assertThat(note).contains((METHODS - 5) + " methods", "the model has none"));
    }

    @Test
    void tokensPerStepAreMeasuredAtDefaultSettingsInFullLength() {
        AuditPlan plan = AuditPlan.of(OPTIONS.withMode(Mode.TOKENS_PER_STEP), prompts(3), MACHINE, Optional.of(3));

        assertThat(plan.cases()).hasSize(3).allSatisfy(one -> {
            assertThat(one.text()).isEqualTo(TextSettings.STANDARD);
            assertThat(one.runs()).hasSize(METHODS - 1).allSatisfy(run -> {
                assertThat(run.execution()).isEqualTo(new Execution(2, Execution.Executor.BEST, 256));
                assertThat(run.maxTokens()).isEqualTo(128);
            });
        });
        assertThat(plan.coverage()).isEqualTo(SettingsCoverage.none());
    }

    @Test
    void nothingToAskIsAnEmptyPlan() {
        assertThat(AuditPlan.of(OPTIONS, List.of(), MACHINE, Optional.of(3)).cases())
                .isEmpty();
    }
}
