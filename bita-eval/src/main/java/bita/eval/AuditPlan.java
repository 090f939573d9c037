package bita.eval;

import bita.decode.DecodingSettings;
import bita.decode.SamplingSettings;
import bita.kernels.Backend;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Which answers an audit makes and compares.
 *
 * @param notes what is left out or shortened, a sentence each
 */
record AuditPlan(List<Case> cases, SettingsCoverage coverage, List<String> notes) {
    private static final List<Integer> PREFILL_CHUNKS = List.of(7, 64, 256, 1000);
    private static final int VECTOR_PROMPTS = 4;
    private static final int VECTOR_TOKENS = 32;
    private static final int SCALAR_TOKENS = 16;
    /** Enough for a draft, its verification, and a pass that reads what was kept of it. */
    private static final int SLOW_TOKENS = 4;

    AuditPlan {
        cases = List.copyOf(cases);
        notes = List.copyOf(notes);
    }

    /** A question as the model reads it. */
    record Prompt(Question question, List<Integer> tokens) {
        Prompt {
            tokens = List.copyOf(tokens);
        }
    }

    /**
     * A prompt, what decides its text, and the answers to compare with the reference.
     */
    record Case(Prompt prompt, TextSettings text, List<Run> runs) {
        Case {
            runs = List.copyOf(runs);
        }
    }

    /**
     * An answer to make.
     *
     * @param backendCheck whether it is there for its backend, not for its method
     */
    record Run(AuditedMethod method, Execution execution, int maxTokens, boolean backendCheck) {
        /** Under which figures are collected. */
        String label() {
            return method.name() + (backendCheck ? ", " + execution.executor().describe() : "");
        }
    }

    /**
     * The plan of an audit.
     *
     * @param masks mask tokens of the adapter; empty if there is none
     */
    static AuditPlan of(AuditOptions options, List<Prompt> prompts, Machine machine, Optional<Integer> masks) {
        Planner planner = new Planner(options, machine, masks);
        return switch (options.mode()) {
            case EXACTNESS -> planner.exactness(prompts);
            case TOKENS_PER_STEP -> planner.tokensPerStep(prompts);
        };
    }

    private static final class Planner {
        private final AuditOptions options;
        private final Machine machine;
        private final int masks;
        private final List<AuditedMethod> methods;
        private final List<String> notes = new ArrayList<>();

        Planner(AuditOptions options, Machine machine, Optional<Integer> masks) {
            this.options = options;
            this.machine = machine;
            this.masks = masks.orElse(0);
            methods = options.methods().stream()
                    .filter(method -> masks.isPresent() || !method.needsAdapter())
                    .toList();
            if (methods.size() < options.methods().size()) {
                notes.add((options.methods().size() - methods.size())
                        + " methods draft with what an adapter has and were left out: the model has none");
            }
        }

        AuditPlan tokensPerStep(List<Prompt> prompts) {
            Execution execution =
                    new Execution(machine.cores(), Execution.Executor.BEST, DecodingSettings.PREFILL_CHUNK);
            List<Run> runs = methods.stream()
                    .filter(method -> method.mostRows(masks) > 1)
                    .map(method -> new Run(method, execution, options.maxTokens(), false))
                    .toList();
            List<Case> cases = prompts.stream()
                    .map(prompt -> new Case(prompt, TextSettings.STANDARD, runs))
                    .toList();
            return new AuditPlan(cases, SettingsCoverage.none(), notes);
        }

        AuditPlan exactness(List<Prompt> prompts) {
            List<Integer> threads = machine.threadCounts();
            List<Execution.Executor> executors = machine.executors();
            PairwiseSettings settings = new PairwiseSettings(List.of(
                    PairwiseSettings.Dimension.of(Math.max(methods.size(), 1)),
                    PairwiseSettings.Dimension.of(TextSettings.SAMPLINGS.size()),
                    PairwiseSettings.Dimension.of(TextSettings.CACHE_FORMATS.size()),
                    new PairwiseSettings.Dimension(threads.size(), tooMany(threads)),
                    new PairwiseSettings.Dimension(executors.size(), slow(executors)),
                    PairwiseSettings.Dimension.of(PREFILL_CHUNKS.size())));
            IdentityHashMap<Prompt, Case> cases = new IdentityHashMap<>();
            // Slow settings come when the others' pairs are covered, so the shortest prompts get them.
            for (Prompt prompt : shortestFirst(prompts)) {
                int sampling = cases.size() % TextSettings.SAMPLINGS.size();
                int cache = cases.size() / TextSettings.SAMPLINGS.size() % TextSettings.CACHE_FORMATS.size();
                List<Run> runs = new ArrayList<>();
                for (int method = 0; method < methods.size(); method++) {
                    int[] chosen = settings.next(
                            method,
                            sampling,
                            cache,
                            PairwiseSettings.FREE,
                            PairwiseSettings.FREE,
                            PairwiseSettings.FREE);
                    Execution execution = new Execution(
                            threads.get(chosen[3]), executors.get(chosen[4]), PREFILL_CHUNKS.get(chosen[5]));
                    runs.add(run(methods.get(method), execution));
                }
                TextSettings text =
                        new TextSettings(TextSettings.SAMPLINGS.get(sampling), TextSettings.CACHE_FORMATS.get(cache));
                cases.put(prompt, new Case(prompt, text, runs));
            }
            noteWideTrees();
            noteSlowKernels(executors);
            List<Case> inOrder = prompts.stream()
                    .map(prompt -> Objects.requireNonNull(cases.get(prompt)))
                    .toList();
            return new AuditPlan(
                    withBackendChecks(inOrder),
                    new SettingsCoverage(settings.covered(), settings.pairs(), values(threads, executors)),
                    notes);
        }

        private static List<Prompt> shortestFirst(List<Prompt> prompts) {
            return prompts.stream()
                    .sorted(Comparator.comparingInt(prompt -> prompt.tokens().size()))
                    .toList();
        }

        /** Threads that wait for a core while others wait for them. */
        private Set<Integer> tooMany(List<Integer> threads) {
            Set<Integer> slow = new LinkedHashSet<>();
            for (int i = 0; i < threads.size(); i++) {
                if (threads.get(i) > machine.cores()) {
                    slow.add(i);
                }
            }
            return slow;
        }

        private static Set<Integer> slow(List<Execution.Executor> executors) {
            Set<Integer> slow = new LinkedHashSet<>();
            for (int i = 0; i < executors.size(); i++) {
                if (executors.size() > 1 && executors.get(i).isSlow()) {
                    slow.add(i);
                }
            }
            return slow;
        }

        private Run run(AuditedMethod method, Execution execution) {
            int most = execution.executor().isSlow()
                    ? SLOW_TOKENS
                    : isWide(method) ? options.wideTreeTokens() : options.maxTokens();
            return new Run(method, execution, Math.min(most, options.maxTokens()), false);
        }

        private boolean isWide(AuditedMethod method) {
            return method.mostRows(masks) > AuditOptions.WIDE_ROWS;
        }

        private void noteWideTrees() {
            List<String> wide = methods.stream()
                    .filter(this::isWide)
                    .map(AuditedMethod::name)
                    .toList();
            if (!wide.isEmpty() && options.wideTreeTokens() < options.maxTokens()) {
                notes.add("only the first " + options.wideTreeTokens() + " tokens of each answer were compared under "
                        + String.join("; ", wide) + ": their steps take more than " + AuditOptions.WIDE_ROWS + " rows");
            }
        }

        private void noteSlowKernels(List<Execution.Executor> executors) {
            slow(executors).stream()
                    .map(executors::get)
                    .forEach(
                            executor -> notes.add(
                                    "only the first " + SLOW_TOKENS
                                            + " tokens of each answer were compared with " + executor.describe()
                                            + " kernels, and only for as many answers as the pairs of settings ask for: they are slow"));
        }

        private Map<String, List<String>> values(List<Integer> threads, List<Execution.Executor> executors) {
            Map<String, List<String>> values = new LinkedHashMap<>();
            values.put("method", methods.stream().map(AuditedMethod::name).toList());
            values.put(
                    "sampling",
                    TextSettings.SAMPLINGS.stream()
                            .map(SamplingSettings::describe)
                            .toList());
            values.put(
                    "cache",
                    TextSettings.CACHE_FORMATS.stream()
                            .map(TextSettings::describe)
                            .toList());
            values.put("threads", threads.stream().map(String::valueOf).toList());
            values.put(
                    "kernels",
                    executors.stream().map(Execution.Executor::describe).toList());
            values.put(
                    "prefill chunk",
                    PREFILL_CHUNKS.stream().map(String::valueOf).toList());
            return values;
        }

        /** The other backends, with the last method: on a few prompts, for they are slow; scalar on the shortest. */
        private List<Case> withBackendChecks(List<Case> cases) {
            if (cases.isEmpty() || methods.isEmpty()) {
                return cases;
            }
            List<Case> checked = new ArrayList<>(cases);
            if (machine.vectorProblem().isEmpty()) {
                for (int i = 0; i < Math.min(VECTOR_PROMPTS, cases.size()); i++) {
                    addCheck(checked, i, Backend.VECTOR, VECTOR_TOKENS);
                }
            } else {
                notes.add("the Vector API kernels were not audited: "
                        + machine.vectorProblem().get());
            }
            Prompt least =
                    shortestFirst(cases.stream().map(Case::prompt).toList()).getFirst();
            int shortest = cases.stream().map(Case::prompt).toList().indexOf(least);
            addCheck(checked, shortest, Backend.SCALAR, SCALAR_TOKENS);
            return checked;
        }

        private void addCheck(List<Case> cases, int index, Backend backend, int maxTokens) {
            Case one = cases.get(index);
            Execution execution =
                    new Execution(machine.cores(), Execution.Executor.of(backend), DecodingSettings.PREFILL_CHUNK);
            List<Run> runs = new ArrayList<>(one.runs());
            runs.add(new Run(methods.getLast(), execution, Math.min(maxTokens, options.maxTokens()), true));
            cases.set(index, new Case(one.prompt(), one.text(), runs));
        }
    }
}
