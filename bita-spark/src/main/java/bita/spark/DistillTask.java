package bita.spark;

import bita.api.LanguageModel;
import bita.model.template.TemplateException;
import bita.tune.Distillation;
import bita.tune.DistillationListener;
import bita.tune.DistillationSettings;
import bita.tune.QuestionSource;
import bita.tune.data.AnswerLine;
import bita.tune.data.AnswerOrigin;
import bita.tune.data.AnsweredTurn;
import bita.tune.data.Question;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Answers some questions in one batch. */
record DistillTask(ModelReference model, DistillationSettings settings)
        implements Task<DistillTask.Piece, DistillTask.Answers> {
    /** A question on its way, which a {@link Question} with its optional text cannot be. */
    record Asked(String id, String system, List<String> turns) implements Serializable {
        static Asked of(Question question) {
            return new Asked(question.id(), question.system().orElse(""), question.turns());
        }

        Question question() {
            return new Question(id, system.isEmpty() ? Optional.empty() : Optional.of(system), turns);
        }
    }

    /**
     * Questions to answer.
     *
     * @param known lines of answers to some of their turns
     */
    record Piece(List<Asked> questions, List<byte[]> known) implements Serializable {}

    /**
     * What came of it.
     *
     * @param lines   of an answer each
     * @param skipped reasons, by question, from one of whose turns on there is no answer
     * @param tokens  decided
     */
    record Answers(List<byte[]> lines, Map<String, String> skipped, long tokens) implements Serializable {}

    @Override
    public Result<Answers> run(Piece piece) throws JobException, InterruptedException {
        try (LanguageModel loaded = SharedModel.talking(model)) {
            return new Result<>(answer(loaded, piece), loaded.kernels().describe());
        }
    }

    /** Answers in a batch what can be answered; a question that breaks the batch is found by asking each alone. */
    Answers answer(LanguageModel loaded, Piece piece) throws JobException, InterruptedException {
        List<Question> questions =
                piece.questions().stream().map(Asked::question).toList();
        AnswersOfTask store = new AnswersOfTask();
        for (byte[] line : piece.known()) {
            store.know(read(line));
        }
        Map<String, String> skipped = new LinkedHashMap<>();
        long tokens = 0;
        try {
            tokens = answer(loaded, questions, store, settings, skipped);
        } catch (RuntimeException e) {
            if (questions.size() == 1) {
                skipped.put(questions.getFirst().id(), String.valueOf(e.getMessage()));
            } else {
                for (Question question : questions) {
                    tokens += alone(loaded, question, store, skipped);
                }
            }
        }
        AnswerOrigin origin = new AnswerOrigin(model.sha256(), settings.answering());
        List<byte[]> lines = new ArrayList<>();
        store.added().forEach(answer -> lines.add(AnswerLine.write(answer, origin)));
        return new Answers(lines, skipped, tokens);
    }

    private long alone(LanguageModel loaded, Question question, AnswersOfTask store, Map<String, String> skipped)
            throws JobException, InterruptedException {
        try {
            return answer(loaded, List.of(question), store, settings, skipped);
        } catch (RuntimeException e) {
            skipped.put(question.id(), String.valueOf(e.getMessage()));
            return 0;
        }
    }

    private static AnsweredTurn read(byte[] line) {
        try {
            return AnswerLine.read(line).answer();
        } catch (AnswerLine.NoAnswerException e) {
            throw new IllegalArgumentException("a line of the driver's is no answer", e);
        }
    }

    private static long answer(
            LanguageModel loaded,
            List<Question> questions,
            AnswersOfTask store,
            DistillationSettings settings,
            Map<String, String> skipped)
            throws JobException, InterruptedException {
        try {
            return Distillation.run(
                            loaded, store, new QuestionSource.Given(questions), settings, new DistillationListener() {
                                @Override
                                public void skipped(String question, String reason) {
                                    skipped.put(question, reason);
                                }
                            })
                    .tokens();
        } catch (IOException | TemplateException e) {
            throw new JobException(String.valueOf(e.getMessage()), e);
        }
    }
}
