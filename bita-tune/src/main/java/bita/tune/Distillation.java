package bita.tune;

import bita.api.Answer;
import bita.api.Batch;
import bita.api.BatchListener;
import bita.api.BatchOptions;
import bita.api.ContextOverflowException;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.Message;
import bita.decode.BatchDecoder;
import bita.decode.Method;
import bita.decode.NotANumberException;
import bita.decode.SamplingSettings;
import bita.model.template.ChatTemplate;
import bita.model.template.TemplateException;
import bita.model.tokenizer.Tokenizer;
import bita.tune.data.AnswerFile;
import bita.tune.data.AnswerOrigin;
import bita.tune.data.AnswerStore;
import bita.tune.data.AnsweredTurn;
import bita.tune.data.Question;
import bita.tune.data.SelfAsked;
import bita.tune.data.SelfAskedSettings;
import bita.tune.data.TurnMarkers;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Self-distillation: a model's own answers, which the tokens that draft for it are tuned on (BiTA, arXiv 2401.12522,
 * section 4), to questions from anywhere or its own (Magpie, Xu 2024, arXiv 2406.08464): given the opening of a user's
 * turn and nothing else, an instruction-tuned model writes a question.
 *
 * <p>Questions and answers are made in one batch. Each finished answer is on the disk before the next step. A run that
 * was stopped at any moment is resumed by running it again: answers in the file are not made again, and those that follow
 * are the ones that would have followed, for each is a function of model, settings and question, and each question one of
 * model, seed and number.
 */
public final class Distillation {
    /** Most tokens of a question that the model asks itself. */
    private static final int QUESTION_TOKENS = 192;

    private final LanguageModel model;
    private final Batch batch;
    private final AnswerStore store;
    private final Optional<Asking> asking;
    private final DistillationListener listener;
    private final GenerationOptions answering;
    private final int sequences;
    private final int total; // turns

    private final Queue<Dialogue> ready = new ArrayDeque<>(); // wait for an answer to be begun
    private final Queue<Finished> finished = new ArrayDeque<>(); // by the last step
    private int running;
    private int answersBefore;
    private int answers;
    private int skipped;
    private int failed;

    /** A conversation, and the model's answers so far. */
    private record Dialogue(Question question, List<String> answers) {
        boolean isComplete() {
            return answers.size() == question.turns().size();
        }
    }

    /** The model's questions to itself, and what asking takes. */
    private static final class Asking {
        final SelfAsking questions;
        final int[] opening;
        final GenerationOptions options;
        final Map<Integer, BatchDecoder.Ticket> tickets = new HashMap<>(); // of the candidates in the batch

        Asking(SelfAsking questions, int[] opening, GenerationOptions options) {
            this.questions = questions;
            this.opening = opening;
            this.options = options;
        }
    }

    /** What to do with the result of a sequence, where errors can be thrown. */
    @FunctionalInterface
    private interface Finished {
        void handle() throws IOException;
    }

    private Distillation(
            LanguageModel model,
            Batch batch,
            AnswerStore store,
            QuestionSource source,
            DistillationSettings settings,
            DistillationListener listener)
            throws IOException, TemplateException {
        this.model = model;
        this.batch = batch;
        this.store = store;
        this.listener = listener;
        this.sequences = settings.sequences();
        this.answering = options(settings.maxTokens(), settings.answering(), List.of());
        switch (source) {
            case QuestionSource.SelfAsked self -> {
                Asking own = asking(model, settings.seed(), self.count());
                store.forEach(own.questions::know);
                asking = Optional.of(own);
                total = self.count();
            }
            case QuestionSource.Given given -> {
                given.questions().forEach(question -> ready.add(new Dialogue(question, new ArrayList<>())));
                asking = Optional.empty();
                total = given.questions().stream()
                        .mapToInt(question -> question.turns().size())
                        .sum();
            }
        }
    }

    private static GenerationOptions options(int maxTokens, SamplingSettings sampling, List<String> stop) {
        return GenerationOptions.of(OptionalInt.of(maxTokens), sampling, stop);
    }

    private static Asking asking(LanguageModel model, long seed, int count) throws TemplateException {
        Optional<ChatTemplate> template = model.chatTemplate();
        Optional<TurnMarkers> markers = template.isPresent()
                ? Optional.of(
                        TurnMarkers.of(template.get(), model.templateVariables(), Clock.system(ZoneId.systemDefault())))
                : Optional.empty();
        Tokenizer tokenizer = model.tokenizer();
        List<String> specials = IntStream.range(0, tokenizer.size())
                .filter(tokenizer::isSpecial)
                .mapToObj(tokenizer::text)
                .toList();
        return new Asking(
                new SelfAsking(new SelfAsked(SelfAskedSettings.DEFAULT, specials), seed, count),
                // A model without turns begins texts: their first lines are its questions.
                markers.map(turn -> tokenizer.encode(turn.opening(), true)).orElseGet(() -> model.promptOfText("")),
                // Where the turn's end is no token that ends generation.
                options(
                        QUESTION_TOKENS,
                        new SamplingSettings(1, 0, 1, 0, seed),
                        List.of(markers.map(turn -> turn.end().strip()).orElse("\n"))));
    }

    /**
     * Answers questions until all that can be answered are, and adds the answers to a file. Interrupting the thread ends
     * it with the present step.
     *
     * @param modelSha256 of the model file, 64 lower-case hexadecimal digits
     * @param output      a file of answers of this model with these settings, or one to begin; its folder must exist
     * @throws IOException          if the file cannot be read or written, holds other answers, or the model asks itself
     *     too few usable questions; the message says what to do
     * @throws TemplateException    if the model's chat template cannot be used to ask questions
     * @throws InterruptedException if the thread is interrupted; the file has all finished answers
     */
    public static DistillationResult run(
            LanguageModel model,
            String modelSha256,
            Path output,
            QuestionSource source,
            DistillationSettings settings,
            DistillationListener listener)
            throws IOException, TemplateException, InterruptedException {
        try (AnswerFile file = AnswerFile.open(output, new AnswerOrigin(modelSha256, settings.answering()))) {
            return run(model, file, source, settings, listener);
        }
    }

    /**
     * As {@link #run(LanguageModel, String, Path, QuestionSource, DistillationSettings, DistillationListener)}, with
     * answers of this model and these settings that lie anywhere.
     */
    public static DistillationResult run(
            LanguageModel model,
            AnswerStore store,
            QuestionSource source,
            DistillationSettings settings,
            DistillationListener listener)
            throws IOException, TemplateException, InterruptedException {
        try (Batch batch = model.batch(BatchOptions.of(settings.sequences()).withMethod(new Method.Plain()))) {
            return new Distillation(model, batch, store, source, settings, listener).run();
        }
    }

    private DistillationResult run() throws IOException, InterruptedException {
        long start = System.nanoTime();
        judge();
        while (true) {
            begin();
            listener.progress(answersBefore + answers + skipped, total, batch.tokens());
            if (running == 0) {
                break;
            }
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            boolean _ = batch.step();
            while (!finished.isEmpty()) {
                finished.remove().handle();
            }
        }
        return new DistillationResult(
                asking.map(own -> own.questions.asked()).orElse(0),
                asking.map(own -> own.questions.kept()).orElse(0),
                asking.map(own -> own.questions.dropped()).orElse(Map.of()),
                answersBefore,
                answers,
                skipped,
                failed,
                batch.tokens(),
                System.nanoTime() - start);
    }

    /** Fills the batch. */
    private void begin() throws IOException {
        while (running < sequences && !ready.isEmpty()) {
            beginAnswer(ready.remove());
        }
        if (asking.isPresent()) {
            Asking own = asking.get();
            while (running < sequences) {
                OptionalInt number = own.questions.next();
                if (number.isEmpty()) {
                    break;
                }
                beginQuestion(own, number.getAsInt());
            }
        }
    }

    /** Begins the first answer that the store does not have, if there is one. */
    private void beginAnswer(Dialogue dialogue) throws IOException {
        while (!dialogue.isComplete()) {
            List<Message> messages = dialogue.question().conversation(dialogue.answers());
            Optional<AnsweredTurn> known = store.find(dialogue.question().id(), messages);
            if (known.isEmpty()) {
                try {
                    int[] prompt = model.promptOfQuestion(messages);
                    submit(
                            prompt,
                            answering,
                            0,
                            answer -> finished.add(() -> answered(dialogue, messages, prompt, answer)),
                            problem -> finished.add(() -> {
                                failed++;
                                skip(dialogue, problem);
                            }));
                } catch (TemplateException | ContextOverflowException e) {
                    skip(dialogue, e);
                }
                return;
            }
            answersBefore++;
            dialogue.answers().add(known.get().text());
        }
    }

    private void skip(Dialogue dialogue, Exception problem) {
        skipped += dialogue.question().turns().size() - dialogue.answers().size();
        listener.skipped(dialogue.question().id(), String.valueOf(problem.getMessage()));
    }

    private void answered(Dialogue dialogue, List<Message> messages, int[] prompt, Answer answer) throws IOException {
        store.append(new AnsweredTurn(
                dialogue.question().id(),
                messages,
                Arrays.stream(prompt).boxed().toList(),
                answer.tokenIds(),
                answer.finish(),
                answer.text()));
        answers++;
        dialogue.answers().add(answer.text());
        if (!dialogue.isComplete()) {
            ready.add(dialogue);
        }
    }

    private void beginQuestion(Asking own, int number) {
        BatchDecoder.Ticket ticket = submit(
                own.opening,
                own.options,
                number,
                answer -> finished.add(() -> {
                    own.tickets.remove(number);
                    own.questions.arrive(number, said(answer), answer.finish() == Answer.Finish.STOP);
                    judge();
                }),
                problem -> finished.add(() -> {
                    own.tickets.remove(number);
                    failed++;
                    own.questions.fail(number);
                    judge();
                }));
        own.tickets.put(number, ticket);
    }

    /** The text of a question; a special token in it, which is no text, shows as one that no question may hold. */
    private String said(Answer answer) {
        Tokenizer tokenizer = model.tokenizer();
        return answer.tokenIds().stream()
                .filter(id ->
                        tokenizer.isSpecial(id) && !tokenizer.endOfGeneration().contains(id))
                .findFirst()
                .map(id -> answer.text() + tokenizer.text(id))
                .orElse(answer.text());
    }

    private void judge() throws IOException {
        if (asking.isPresent()) {
            Asking own = asking.get();
            own.questions.judge().forEach(question -> ready.add(new Dialogue(question, new ArrayList<>())));
            if (own.questions.isComplete()) {
                own.tickets.values().forEach(BatchDecoder.Ticket::cancel);
            }
        }
    }

    private BatchDecoder.Ticket submit(
            int[] prompt,
            GenerationOptions options,
            int choice,
            Consumer<Answer> whenFinished,
            Consumer<NotANumberException> whenFailed) {
        BatchDecoder.Ticket ticket = batch.submit(prompt, options, choice, new BatchListener() {
            @Override
            public void finished(Answer answer) {
                running--;
                if (answer.finish() != Answer.Finish.CANCELLED) {
                    whenFinished.accept(answer);
                }
            }

            @Override
            public void failed(NotANumberException problem) {
                running--;
                whenFailed.accept(problem);
            }
        });
        running++;
        return ticket;
    }
}
