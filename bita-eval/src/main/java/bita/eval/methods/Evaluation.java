package bita.eval.methods;

import bita.api.Answer;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.Message;
import bita.api.Session;
import bita.decode.Method;
import bita.decode.NotANumberException;
import bita.eval.Question;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Compares decoding methods over a suite: each answers the same prompts on the same machine at the same time.
 *
 * <p>The methods' sessions are open side by side over one model. At each prompt they answer one after the other, once per
 * repetition, and who begins changes from prompt to prompt and from repetition to repetition: what slows the machine for
 * a while slows all alike. The prompt of a later turn holds the earlier turns with plain decoding's answers, so that
 * every method has the same prompts and can be held against plain decoding token by token.
 *
 * <p>Every answer is in the folder's journal before the next begins; a run that was stopped goes on where it was.
 */
public final class Evaluation implements AutoCloseable {
    /** Not of any suite: sources that remember would know its answer. */
    private static final String WARMUP = "Explain in a few sentences how bread is made.";

    private static final int WARMUP_TOKENS = 64;

    private final LanguageModel model;
    private final List<Question> questions;
    private final List<Method> methods;
    private final EvaluationOptions options;
    private final Journal journal;
    private final EvaluationListener listener;
    private final long total;
    private final Map<String, Session> sessions = new LinkedHashMap<>();
    private final List<EvaluationResult.SkippedQuestion> skipped = new ArrayList<>();
    private long done;

    private Evaluation(
            LanguageModel model,
            List<Question> questions,
            ComparedMethods compared,
            EvaluationOptions options,
            Journal journal,
            EvaluationListener listener) {
        this.model = model;
        this.questions = questions;
        this.methods = compared.methods();
        this.options = options;
        this.journal = journal;
        this.listener = listener;
        total = answers(
                questions.stream().mapToInt(question -> question.turns().size()).sum());
    }

    /**
     * Whether the questions can be told apart in the results.
     *
     * @throws IOException if not; the message says what to change
     */
    public static void check(Path suite, List<Question> questions) throws IOException {
        if (questions.stream().anyMatch(question -> question.category().equals(ResultRow.ALL))) {
            throw new IOException(suite + ": a category is named '" + ResultRow.ALL
                    + "', which in the results is the whole suite; give it another name");
        }
    }

    private long answers(int prompts) {
        return (long) prompts * options.repetitions() * methods.size();
    }

    /**
     * Measures what the folder does not have yet.
     *
     * @param folder of a run with these questions, methods and options
     * @throws IOException if the journal cannot be written; the message says what to do
     * @throws TemplateException if the model has no chat template
     * @throws NotANumberException if the model's logits are not numbers
     * @throws InterruptedException if the thread is interrupted; the journal has all finished answers
     */
    public static EvaluationResult run(
            LanguageModel model,
            List<Question> questions,
            ComparedMethods compared,
            EvaluationOptions options,
            ResultsFolder folder,
            EvaluationListener listener)
            throws IOException, TemplateException, InterruptedException {
        try (Evaluation evaluation = new Evaluation(model, questions, compared, options, folder.journal(), listener)) {
            evaluation.measure();
            return Results.of(
                    folder.settings(),
                    questions,
                    compared.names(),
                    options.repetitions(),
                    folder.journal(),
                    evaluation.skipped,
                    compared.leftOut(),
                    model.notices());
        }
    }

    private void measure() throws IOException, TemplateException, InterruptedException {
        if (model.chatTemplate().isEmpty()) {
            throw new TemplateException(
                    "the model has no chat template to ask questions in; choose one that is tuned for" + " chats");
        }
        int prompts = 0;
        for (int index = 0; index < questions.size(); index++) {
            Question question = questions.get(index);
            List<Message> messages = new ArrayList<>();
            for (int turn = 0; turn < question.turns().size(); turn++) {
                messages.add(Message.user(question.turns().get(turn)));
                Optional<int[]> prompt = prompt(question, messages);
                if (prompt.isEmpty()) {
                    done += answers(question.turns().size() - turn);
                    break;
                }
                answerAll(index, turn, prompt.get(), prompts++);
                Measurement reference = journal.find(new Measurement.Key(
                                index, turn, 0, methods.getFirst().name()))
                        .orElseThrow();
                messages.add(Message.assistant(reference.text()));
            }
        }
        listener.progress(total, total, "done");
    }

    /** The tokens of a conversation; empty if they cannot be answered, which is noted. */
    private Optional<int[]> prompt(Question question, List<Message> messages) {
        int context = options.context().orElse(model.config().contextLength());
        String problem;
        try {
            int[] tokens = model.prompt(messages);
            if (tokens.length < context) {
                return Optional.of(tokens);
            }
            problem = "the prompt has " + tokens.length + " tokens, the context holds " + context
                    + " with at least one for the answer";
        } catch (TemplateException e) {
            problem = String.valueOf(e.getMessage());
        }
        skipped.add(new EvaluationResult.SkippedQuestion(question.id(), messages.size() / 2 + 1, problem));
        return Optional.empty();
    }

    private void answerAll(int index, int turn, int[] prompt, int number) throws IOException, InterruptedException {
        Question question = questions.get(index);
        for (int repetition = 0; repetition < options.repetitions(); repetition++) {
            List<Method> order = new ArrayList<>(methods);
            Collections.rotate(order, -((number + repetition) % methods.size()));
            for (Method method : order) {
                Measurement.Key key = new Measurement.Key(index, turn, repetition, method.name());
                if (journal.find(key).isEmpty()) {
                    Session session = session(method);
                    listener.progress(done, total, "question " + question.id() + ", " + method.name());
                    journal.append(answer(session, key, question.id(), prompt));
                }
                done++;
            }
        }
    }

    /** The session of a method; when the first is asked for, all are opened and warmed up. */
    private Session session(Method method) throws InterruptedException {
        if (sessions.isEmpty()) {
            for (Method one : methods) {
                sessions.put(one.name(), model.session(options.session(one)));
            }
            for (Map.Entry<String, Session> one : sessions.entrySet()) {
                listener.progress(done, total, "warming up " + one.getKey());
                Answer _ = answer(
                        one.getValue(),
                        new StepTally(one.getValue()),
                        model.promptOfText(WARMUP),
                        Math.min(WARMUP_TOKENS, options.maxTokens()));
            }
        }
        return Objects.requireNonNull(sessions.get(method.name()));
    }

    private Measurement answer(Session session, Measurement.Key key, String id, int[] prompt)
            throws InterruptedException {
        StepTally tally = new StepTally(session);
        return Measurement.of(key, id, answer(session, tally, prompt, options.maxTokens()), tally);
    }

    private Answer answer(Session session, StepTally tally, int[] prompt, int maxTokens) throws InterruptedException {
        GenerationOptions generation = new GenerationOptions(OptionalInt.of(maxTokens), options.sampling(), List.of());
        if (options.repetitions() > 1) {
            session.forget(); // a source that has seen the answer before would be flattered
        }
        Answer answer = session.generate(prompt, generation, tally);
        if (Thread.interrupted() || answer.finish() == Answer.Finish.CANCELLED) {
            throw new InterruptedException();
        }
        return answer;
    }

    @Override
    public void close() {
        sessions.values().forEach(Session::close);
    }
}
