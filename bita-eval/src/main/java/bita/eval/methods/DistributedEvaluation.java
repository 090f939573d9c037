package bita.eval.methods;

import bita.api.LanguageModel;
import bita.eval.Question;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A comparison whose questions are measured elsewhere, some here and some there, and whose measurements come together in
 * one folder. All methods answer a question on the same machine, one after the other, so that their times can be
 * compared, and answers are those of {@link Evaluation}. What sources have learned from earlier prompts they know within
 * a part only.
 */
public final class DistributedEvaluation {
    private final List<Question> questions;
    private final ComparedMethods compared;
    private final EvaluationOptions options;
    private final ResultsFolder folder;
    private final List<EvaluationResult.SkippedQuestion> skipped = new ArrayList<>();

    /**
     * What came of some questions.
     *
     * @param measurements lines of a journal
     * @param skipped      questions that could not be answered, or only in part
     */
    public record Part(List<String> measurements, List<EvaluationResult.SkippedQuestion> skipped)
            implements Serializable {
        public Part {
            measurements = List.copyOf(measurements);
            skipped = List.copyOf(skipped);
        }
    }

    /** @param folder of a run with these questions, methods and options */
    public DistributedEvaluation(
            List<Question> questions, ComparedMethods compared, EvaluationOptions options, ResultsFolder folder) {
        this.questions = List.copyOf(questions);
        this.compared = compared;
        this.options = options;
        this.folder = folder;
    }

    /**
     * Measures some questions, in sessions of their own.
     *
     * @param questions by index in the suite
     * @throws TemplateException if the model has no chat template
     * @throws bita.decode.NotANumberException if the model's logits are not numbers
     * @throws InterruptedException if the thread is interrupted
     */
    public static Part measure(
            LanguageModel model,
            SortedMap<Integer, Question> questions,
            ComparedMethods compared,
            EvaluationOptions options)
            throws IOException, TemplateException, InterruptedException {
        InMemory measurements = new InMemory();
        List<EvaluationResult.SkippedQuestion> skipped =
                Evaluation.measure(model, questions, compared, options, measurements, EvaluationListener.NONE);
        return new Part(
                measurements.all.values().stream()
                        .map(measurement -> new String(Journal.line(measurement), StandardCharsets.UTF_8))
                        .toList(),
                skipped);
    }

    /** Questions of which the folder lacks a measurement, by index in the suite. */
    public SortedMap<Integer, Question> missing() {
        SortedMap<Integer, Question> missing = new TreeMap<>();
        Evaluation.numbered(questions).forEach((index, question) -> {
            if (!isMeasured(index, question)) {
                missing.put(index, question);
            }
        });
        return missing;
    }

    private boolean isMeasured(int index, Question question) {
        for (int turn = 0; turn < question.turns().size(); turn++) {
            for (int repetition = 0; repetition < options.repetitions(); repetition++) {
                for (String method : compared.names()) {
                    Measurement.Key key = new Measurement.Key(index, turn, repetition, method);
                    if (folder.journal().find(key).isEmpty()) {
                        return false;
                    }
                }
            }
        }
        return true;
    }

    /**
     * Adds what came of some questions. What the folder has already it keeps.
     *
     * @throws IOException if the journal cannot be written; the message says what to do
     */
    public void add(Part part) throws IOException {
        for (String line : part.measurements()) {
            Measurement measurement = Journal.measurement(line.getBytes(StandardCharsets.UTF_8));
            if (folder.journal().find(measurement.key()).isEmpty()) {
                folder.journal().append(measurement);
            }
        }
        skipped.addAll(part.skipped());
    }

    /**
     * The result, once nothing is missing but skipped questions.
     *
     * @param notes what else to know, a sentence each
     */
    public EvaluationResult result(List<String> notes) {
        return Results.of(
                folder.settings(),
                questions,
                compared.names(),
                options.repetitions(),
                folder.journal(),
                skipped,
                compared.leftOut(),
                notes);
    }

    /** Measurements on their way to the folder. */
    private static final class InMemory implements Measurements {
        private final Map<Measurement.Key, Measurement> all = new LinkedHashMap<>();

        @Override
        public Optional<Measurement> find(Measurement.Key key) {
            return Optional.ofNullable(all.get(key));
        }

        @Override
        public void append(Measurement measurement) {
            all.put(measurement.key(), measurement);
        }
    }
}
