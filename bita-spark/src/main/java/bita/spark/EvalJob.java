package bita.spark;

import bita.eval.Question;
import bita.eval.methods.ComparedMethods;
import bita.eval.methods.DistributedEvaluation;
import bita.eval.methods.EvaluationOptions;
import bita.eval.methods.EvaluationResult;
import bita.eval.methods.ResultsFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Compares methods on many machines. The output is a folder as {@code bita eval} writes it, its journal in pieces. */
final class EvalJob {
    private static final String JOURNAL = "journal.jsonl";
    private static final String PIECES = "/_journal";

    /** Measurements are carried to the output when so much time has passed. */
    private static final long KEEP_NANOS = 30_000_000_000L;

    private final Cluster cluster;
    private final Storage storage;
    private final Settings settings;
    private final Progress progress;

    /**
     * How methods are compared.
     *
     * @param suite       name of the questions' file
     * @param methods     by name; empty for the standard ones
     * @param perTask     questions of a task
     * @param mostSkipped questions that may have no answer; with more the job has failed
     * @param command     that is run, for the reports
     */
    record Settings(
            EvaluationOptions options,
            String suite,
            List<String> methods,
            int perTask,
            int mostSkipped,
            String command) {
        Settings {
            methods = List.copyOf(methods);
            if (perTask < 1) {
                throw new IllegalArgumentException("a task has at least one question, not " + perTask);
            }
            if (mostSkipped < 0) {
                throw new IllegalArgumentException(
                        "the questions that may be skipped are 0 or more in number, not " + mostSkipped);
            }
        }
    }

    /** Follows the job, on its thread. */
    @FunctionalInterface
    interface Progress {
        void measured(int questions, int total);
    }

    EvalJob(Cluster cluster, Storage storage, Settings settings, Progress progress) {
        this.cluster = cluster;
        this.storage = storage;
        this.settings = settings;
        this.progress = progress;
    }

    /**
     * Measures what the output does not have yet, and writes the reports.
     *
     * @param output URI of a folder
     * @param work   folder of this machine, for the job alone
     * @throws JobException if more questions than allowed cannot be answered, or executors cannot work; the output has
     *     what was measured
     */
    EvaluationResult run(ModelReference model, List<Question> questions, String output, Path work)
            throws IOException, JobException {
        if (storage.exists(output + "/results.json")) {
            throw new JobException(
                    output + ": the folder has the results of a finished run; name another, or remove it");
        }
        EvalTasks.Options options = EvalTasks.Options.of(settings.options());
        EvalTasks.Plan plan = cluster.one(
                questions(questions),
                new EvalTasks.Planning(model, options, settings.suite(), settings.methods(), settings.perTask()));
        Path journal = work.resolve(JOURNAL);
        Storage.GrowingFile kept = storage.growing(journal, output + PIECES, ".jsonl");
        ComparedMethods compared = plan.compared();
        try (ResultsFolder folder = open(work, plan, questions, output)) {
            DistributedEvaluation evaluation =
                    new DistributedEvaluation(questions, compared, settings.options(), folder);
            measure(new EvalTasks.Measuring(model, options, plan.methods()), evaluation, kept);
            EvaluationResult result = evaluation.result(plan.notes());
            folder.write(result, settings.command());
            storage.putAll(work, output, JOURNAL);
            return result;
        }
    }

    private static EvalTasks.Questions questions(List<Question> suite) {
        TreeMap<Integer, Question> numbered = new TreeMap<>();
        suite.forEach(question -> numbered.put(numbered.size(), question));
        return new EvalTasks.Questions(numbered);
    }

    private static ResultsFolder open(Path work, EvalTasks.Plan plan, List<Question> questions, String output)
            throws IOException {
        try {
            return ResultsFolder.open(work, false, plan.runSettings(), questions);
        } catch (IOException e) {
            throw new IOException(String.valueOf(e.getMessage()).replace(work.toString(), output), e);
        }
    }

    private void measure(EvalTasks.Measuring task, DistributedEvaluation evaluation, Storage.GrowingFile kept)
            throws IOException, JobException {
        SortedMap<Integer, Question> missing = evaluation.missing();
        List<EvalTasks.Questions> pieces = pieces(missing);
        Collected collected = new Collected(evaluation, kept, missing.size());
        try {
            cluster.run(
                    pieces,
                    task,
                    (number, part) ->
                            collected.add(part, pieces.get(number).numbered().size()));
        } finally {
            kept.keep();
        }
    }

    private List<EvalTasks.Questions> pieces(SortedMap<Integer, Question> missing) {
        List<EvalTasks.Questions> pieces = new ArrayList<>();
        TreeMap<Integer, Question> piece = new TreeMap<>();
        for (Map.Entry<Integer, Question> one : missing.entrySet()) {
            piece.put(one.getKey(), one.getValue());
            if (piece.size() == settings.perTask()) {
                pieces.add(new EvalTasks.Questions(piece));
                piece = new TreeMap<>();
            }
        }
        if (!piece.isEmpty()) {
            pieces.add(new EvalTasks.Questions(piece));
        }
        return pieces;
    }

    /** What tasks have brought so far. */
    private final class Collected {
        private final DistributedEvaluation evaluation;
        private final Storage.GrowingFile kept;
        private final int total;
        private long lastKept = System.nanoTime();
        private int done;
        private int skipped;

        Collected(DistributedEvaluation evaluation, Storage.GrowingFile kept, int total) {
            this.evaluation = evaluation;
            this.kept = kept;
            this.total = total;
        }

        void add(DistributedEvaluation.Part part, int questions) throws IOException, JobException {
            evaluation.add(part);
            done += questions;
            if (System.nanoTime() - lastKept > KEEP_NANOS) {
                kept.keep();
                lastKept = System.nanoTime();
            }
            skipped += part.skipped().size();
            if (skipped > settings.mostSkipped()) {
                throw new JobException(skipped + " questions have no answer, and " + settings.mostSkipped()
                        + " are allowed (--max-skipped): "
                        + part.skipped().getLast().describe());
            }
            progress.measured(done, total);
        }
    }
}
