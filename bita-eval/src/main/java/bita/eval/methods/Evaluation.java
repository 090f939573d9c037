package bita.eval.methods;

import bita.api.LanguageModel;
import bita.api.Message;
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
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Compares decoding methods over a suite: each answers the same prompts on the same machine at the same time.
 *
 * <p>The methods' sessions are open side by side over one model. At each prompt, or each batch of prompts, they answer one
 * after the other, once per repetition, and who begins changes from prompt to prompt and from repetition to repetition: what slows the machine for
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
    private final SortedMap<Integer, Question> questions; // by index in the suite
    private final List<Method> methods;
    private final EvaluationOptions options;
    private final Measurements journal;
    private final EvaluationListener listener;
    private final long total;
    private final List<EvaluationResult.SkippedQuestion> skipped = new ArrayList<>();
    private Optional<Answerer> answerer = Optional.empty(); // until something is to be measured
    private long done;

    private Evaluation(
            LanguageModel model,
            SortedMap<Integer, Question> questions,
            ComparedMethods compared,
            EvaluationOptions options,
            Measurements journal,
            EvaluationListener listener) {
        this.model = model;
        this.questions = questions;
        this.methods = compared.methods();
        this.options = options;
        this.journal = journal;
        this.listener = listener;
        total = answers(questions.values().stream()
                .mapToInt(question -> question.turns().size())
                .sum());
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
        List<EvaluationResult.SkippedQuestion> skipped =
                measure(model, numbered(questions), compared, options, folder.journal(), listener);
        return Results.of(
                folder.settings(),
                questions,
                compared.names(),
                options.repetitions(),
                folder.journal(),
                skipped,
                compared.leftOut(),
                model.notices());
    }

    /** Questions by their index in the suite. */
    static SortedMap<Integer, Question> numbered(List<Question> suite) {
        SortedMap<Integer, Question> numbered = new TreeMap<>();
        suite.forEach(question -> numbered.put(numbered.size(), question));
        return numbered;
    }

    /**
     * Measures what is missing of some questions.
     *
     * @param questions by index in the suite
     * @return those that could not be answered, or only in part
     */
    static List<EvaluationResult.SkippedQuestion> measure(
            LanguageModel model,
            SortedMap<Integer, Question> questions,
            ComparedMethods compared,
            EvaluationOptions options,
            Measurements measurements,
            EvaluationListener listener)
            throws IOException, TemplateException, InterruptedException {
        try (Evaluation evaluation = new Evaluation(model, questions, compared, options, measurements, listener)) {
            evaluation.measure();
            return evaluation.skipped;
        }
    }

    private void measure() throws IOException, TemplateException, InterruptedException {
        int number = 0;
        for (List<Conversation> together : batches()) {
            List<Conversation> open = new ArrayList<>(together);
            for (int turn = 0; !open.isEmpty(); turn++) {
                List<Asked> asked = ask(open, turn);
                if (!asked.isEmpty()) {
                    answerAll(asked, number++);
                    for (Asked one : asked) {
                        Measurement reference =
                                journal.find(one.key(0, methods.getFirst())).orElseThrow();
                        one.conversation.messages().add(Message.assistant(reference.text()));
                    }
                }
            }
        }
        listener.progress(total, total, "done");
    }

    /**
     * Questions that are asked together, in the suite's order where that is one at a time. In larger batches all are of one
     * category: among others, those that draft little would pay for the rows of those that draft much.
     */
    private List<List<Conversation>> batches() {
        Map<String, List<Conversation>> byCategory = questions.entrySet().stream()
                .map(numbered -> new Conversation(numbered.getKey(), numbered.getValue(), new ArrayList<>()))
                .collect(Collectors.groupingBy(
                        conversation -> options.batch() == 1
                                ? ""
                                : conversation.question().category(),
                        LinkedHashMap::new,
                        Collectors.toList()));
        List<List<Conversation>> batches = new ArrayList<>();
        for (List<Conversation> alike : byCategory.values()) {
            for (int from = 0; from < alike.size(); from += options.batch()) {
                batches.add(alike.subList(from, Math.min(alike.size(), from + options.batch())));
            }
        }
        return batches;
    }

    /** A question that is being asked, turn by turn. */
    private record Conversation(int index, Question question, List<Message> messages) {}

    /** A turn of a conversation. */
    private static final class Asked {
        private final Conversation conversation;
        private final int turn;
        private final int[] prompt;

        Asked(Conversation conversation, int turn, int[] prompt) {
            this.conversation = conversation;
            this.turn = turn;
            this.prompt = prompt;
        }

        Measurement.Key key(int repetition, Method method) {
            return new Measurement.Key(conversation.index(), turn, repetition, method.name());
        }

        String id() {
            return conversation.question().id();
        }
    }

    /** The prompts of a turn; conversations that have none are open no longer. */
    private List<Asked> ask(List<Conversation> open, int turn) {
        List<Asked> asked = new ArrayList<>();
        open.removeIf(conversation -> {
            Question question = conversation.question();
            if (turn == question.turns().size()) {
                return true;
            }
            conversation.messages().add(Message.user(question.turns().get(turn)));
            Optional<int[]> prompt = prompt(question, conversation.messages());
            prompt.ifPresentOrElse(
                    tokens -> asked.add(new Asked(conversation, turn, tokens)),
                    () -> done += answers(question.turns().size() - turn));
            return prompt.isEmpty();
        });
        return asked;
    }

    /** The tokens of a conversation; empty if they cannot be answered, which is noted. */
    private Optional<int[]> prompt(Question question, List<Message> messages) {
        int context = options.context().orElse(model.config().contextLength());
        String problem;
        try {
            int[] tokens = model.promptOfQuestion(messages);
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

    private void answerAll(List<Asked> asked, int number) throws IOException, InterruptedException {
        for (int repetition = 0; repetition < options.repetitions(); repetition++) {
            List<Method> order = new ArrayList<>(methods);
            Collections.rotate(order, -((number + repetition) % methods.size()));
            for (Method method : order) {
                answer(asked, repetition, method);
                done += asked.size();
            }
        }
    }

    /** Measures those who share a batch together, though only some of them were missing. */
    private void answer(List<Asked> asked, int repetition, Method method) throws IOException, InterruptedException {
        List<Asked> missing = asked.stream()
                .filter(one -> journal.find(one.key(repetition, method)).isEmpty())
                .toList();
        if (missing.isEmpty()) {
            return;
        }
        Answerer measured = answerer();
        String ids = asked.size() == 1
                ? "question " + asked.getFirst().id()
                : "questions " + asked.getFirst().id() + " to "
                        + asked.getLast().id();
        listener.progress(done, total, ids + ", " + method.name());
        List<int[]> prompts = asked.stream().map(one -> one.prompt).toList();
        List<Answerer.Timed> answers = measured.answer(method, prompts, options.maxTokens());
        for (int i = 0; i < asked.size(); i++) {
            Asked one = asked.get(i);
            if (missing.contains(one)) {
                Answerer.Timed answer = answers.get(i);
                journal.append(Measurement.of(
                        one.key(repetition, method), one.id(), answer.answer(), answer.decodeNanos(), answer.steps()));
            }
        }
    }

    /** Who answers; warmed up. */
    private Answerer answerer() throws InterruptedException {
        if (answerer.isEmpty()) {
            Answerer opened = options.batch() == 1
                    ? new SessionAnswerer(model, methods, options)
                    : new BatchAnswerer(model, options);
            answerer = Optional.of(opened);
            List<int[]> prompts = Collections.nCopies(options.batch(), model.promptOfText(WARMUP));
            for (Method method : methods) {
                listener.progress(done, total, "warming up " + method.name());
                List<Answerer.Timed> _ = opened.answer(method, prompts, Math.min(WARMUP_TOKENS, options.maxTokens()));
            }
        }
        return answerer.get();
    }

    @Override
    public void close() {
        answerer.ifPresent(Answerer::close);
    }
}
