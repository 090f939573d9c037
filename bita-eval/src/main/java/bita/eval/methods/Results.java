package bita.eval.methods;

import bita.eval.Question;
import bita.eval.methods.EvaluationResult.Difference;
import bita.eval.methods.EvaluationResult.SkippedQuestion;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Makes figures out of measurements. */
final class Results {
    private static final double NANOS = 1e9;

    private final List<Question> questions;
    private final List<String> methods;
    private final List<Prompt> prompts;

    /** One method's answers to one prompt, by repetition. */
    private record Answers(List<Measurement> repetitions, boolean identical) {
        Measurement first() {
            return repetitions.getFirst();
        }

        /** The median; of an even number the mean of the middle two. */
        double nanos() {
            long[] sorted = repetitions.stream()
                    .mapToLong(Measurement::decodeNanos)
                    .sorted()
                    .toArray();
            return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2.0;
        }
    }

    /**
     * A turn of a question.
     *
     * @param answers in the methods' order
     */
    private record Prompt(int question, List<Answers> answers) {}

    private Results(List<Question> questions, List<String> methods, List<Prompt> prompts) {
        this.questions = questions;
        this.methods = methods;
        this.prompts = prompts;
    }

    /**
     * The result of a run.
     *
     * @param methods plain decoding first
     * @param journal with all measurements but those of skipped turns
     */
    static EvaluationResult of(
            RunSettings settings,
            List<Question> questions,
            List<String> methods,
            int repetitions,
            Measurements journal,
            List<SkippedQuestion> skipped,
            List<String> leftOut,
            List<String> notes) {
        List<Prompt> prompts = new ArrayList<>();
        List<Difference> differences = new ArrayList<>();
        for (int question = 0; question < questions.size(); question++) {
            for (int turn = 0; turn < questions.get(question).turns().size(); turn++) {
                prompt(question, turn, methods, repetitions, journal, differences)
                        .ifPresent(prompts::add);
            }
        }
        Results results = new Results(questions, methods, prompts);
        List<String> categories = questions.stream()
                .map(Question::category)
                .distinct()
                .filter(category -> !category.isEmpty())
                .toList();
        Map<String, List<SpecBenchAnswer>> answers = new LinkedHashMap<>();
        for (int method = 0; method < methods.size(); method++) {
            answers.put(methods.get(method), results.specBench(method, prompts));
        }
        List<ResultRow> rows = Stream.concat(Stream.of(ResultRow.ALL), categories.stream())
                .flatMap(results::rows)
                .toList();
        return new EvaluationResult(settings, methods, categories, rows, differences, skipped, leftOut, notes, answers);
    }

    private static Optional<Prompt> prompt(
            int question,
            int turn,
            List<String> methods,
            int repetitions,
            Measurements journal,
            List<Difference> differences) {
        List<Answers> answers = new ArrayList<>();
        for (String method : methods) {
            List<Measurement> measured = IntStream.range(0, repetitions)
                    .mapToObj(repetition -> new Measurement.Key(question, turn, repetition, method))
                    .flatMap(key -> journal.find(key).stream())
                    .toList();
            if (measured.isEmpty()) {
                return Optional.empty();
            }
            List<Integer> reference = (answers.isEmpty()
                            ? measured.getFirst()
                            : answers.getFirst().first())
                    .tokenIds();
            boolean identical = true;
            for (Measurement one : measured) {
                OptionalInt different = firstDifference(reference, one.tokenIds());
                if (different.isPresent()) {
                    identical = false;
                    differences.add(
                            new Difference(one.id(), turn + 1, one.repetition() + 1, method, different.getAsInt()));
                }
            }
            answers.add(new Answers(measured, identical));
        }
        return Optional.of(new Prompt(question, answers));
    }

    /** The first index at which two lists differ; the shorter one's length if it is the beginning of the other. */
    private static OptionalInt firstDifference(List<Integer> a, List<Integer> b) {
        return a.equals(b)
                ? OptionalInt.empty()
                : IntStream.range(0, Math.max(a.size(), b.size()))
                        .filter(i -> i >= a.size() || i >= b.size() || !a.get(i).equals(b.get(i)))
                        .findFirst();
    }

    private Stream<ResultRow> rows(String category) {
        List<Prompt> chosen = prompts.stream()
                .filter(prompt -> category.equals(ResultRow.ALL)
                        || category.equals(questions.get(prompt.question()).category()))
                .toList();
        return IntStream.range(0, methods.size()).mapToObj(method -> row(category, method, chosen));
    }

    private ResultRow row(String category, int method, List<Prompt> chosen) {
        List<Answers> answers =
                chosen.stream().map(prompt -> prompt.answers().get(method)).toList();
        List<Measurement> all =
                answers.stream().flatMap(one -> one.repetitions().stream()).toList();
        long tokens = answers.stream().mapToLong(one -> one.first().newTokens()).sum();
        double seconds = answers.stream().mapToDouble(Answers::nanos).sum() / NANOS;
        long steps = all.stream().mapToLong(Measurement::steps).sum();
        List<SpecBenchAnswer> specBench = specBench(method, chosen);
        double tokensPerStep = over(sum(all, Measurement::newTokens), (double) steps);
        return new ResultRow(
                methods.get(method),
                category,
                answers.size(),
                tokens,
                steps,
                tokensPerStep,
                over(sum(all, Measurement::rows), (double) steps),
                over((double) tokens, seconds),
                speedup(method, chosen),
                (int) answers.stream().filter(Answers::identical).count(),
                acceptanceByDepth(all, steps),
                acceptedBySource(all),
                all.stream().mapToLong(Measurement::drafted).sum(),
                shares(all),
                new ResultRow.SpecBench(
                        specBench.stream()
                                .mapToDouble(SpecBenchAnswer::tokensPerSecond)
                                .average()
                                .orElse(0),
                        tokensPerStep));
    }

    private static double sum(List<Measurement> all, ToLongFunction<Measurement> number) {
        return (double) all.stream().mapToLong(number).sum();
    }

    private static double over(double count, double of) {
        return of == 0 ? 0 : count / of;
    }

    /** Prompts without a second token say nothing of speed. */
    private static Optional<ResultRow.Speedup> speedup(int method, List<Prompt> chosen) {
        List<Prompt> timed = chosen.stream()
                .filter(prompt -> prompt.answers().stream()
                        .allMatch(answers -> answers.first().steps() > 0))
                .toList();
        return timed.isEmpty()
                ? Optional.empty()
                : Optional.of(Bootstrap.speedup(nanos(0, timed), nanos(method, timed)));
    }

    private static double[] nanos(int method, List<Prompt> prompts) {
        return prompts.stream()
                .mapToDouble(prompt -> prompt.answers().get(method).nanos())
                .toArray();
    }

    private static List<Double> acceptanceByDepth(List<Measurement> all, long steps) {
        int deepest =
                all.stream().mapToInt(one -> one.acceptedByDepth().size()).max().orElse(0);
        return IntStream.range(0, deepest)
                .mapToObj(depth -> all.stream()
                                .filter(one -> one.acceptedByDepth().size() > depth)
                                .mapToLong(one -> one.acceptedByDepth().get(depth))
                                .sum()
                        / (double) steps)
                .toList();
    }

    private static Map<String, Long> acceptedBySource(List<Measurement> all) {
        Map<String, Long> sum = new TreeMap<>();
        for (Measurement one : all) {
            one.acceptedBySource().forEach((source, tokens) -> sum.merge(source, tokens, Long::sum));
        }
        return sum;
    }

    private static ResultRow.Shares shares(List<Measurement> all) {
        double whole = sum(all, Measurement::decodeNanos);
        double draft = over(sum(all, Measurement::draftNanos), whole);
        double forward = over(sum(all, Measurement::forwardNanos), whole);
        double verify = over(sum(all, Measurement::verifyNanos), whole);
        return new ResultRow.Shares(draft, forward, verify, Math.max(0, 1 - draft - forward - verify));
    }

    private List<SpecBenchAnswer> specBench(int method, List<Prompt> chosen) {
        Map<Integer, List<Answers>> byQuestion = new TreeMap<>();
        chosen.forEach(prompt -> byQuestion
                .computeIfAbsent(prompt.question(), _ -> new ArrayList<>())
                .add(prompt.answers().get(method)));
        List<SpecBenchAnswer> answers = new ArrayList<>();
        byQuestion.forEach((question, turns) -> answers.add(new SpecBenchAnswer(
                questions.get(question),
                methods.get(method),
                turns.stream().map(turn -> turn.first().text()).toList(),
                turns.stream().map(turn -> turn.first().steps()).toList(),
                turns.stream().map(turn -> turn.first().newTokens()).toList(),
                turns.stream().map(turn -> turn.nanos() / NANOS).toList(),
                turns.stream()
                        .flatMap(turn -> turn.repetitions().stream())
                        .flatMap(one -> one.acceptLengths().stream())
                        .toList())));
        return answers;
    }
}
