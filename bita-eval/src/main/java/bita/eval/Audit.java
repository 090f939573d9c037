package bita.eval;

import bita.api.AdapterChoice;
import bita.api.Answer;
import bita.api.AnswerListener;
import bita.api.CostChoice;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.Message;
import bita.api.Session;
import bita.api.SessionOptions;
import bita.decode.Adapter;
import bita.decode.DecodingSettings;
import bita.decode.Method;
import bita.decode.NotANumberException;
import bita.decode.StepCosts;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Proves on this machine that accelerated decoding gives the very bits of plain decoding.
 *
 * <p>Each prompt is answered plainly by a model without adapter on the best kernels: the reference. Then every method
 * under test answers it, and each of its tokens must be the reference's and come from logits that are the reference's to
 * the last bit. Sampling and the format of the KV cache decide the text and are the reference's too; threads, kernels,
 * and the cutting of the prompt into passes vary and must not matter. See {@link AuditPlan} for which settings meet.
 */
public final class Audit {
    /** Planned steps are the same on every machine: four rows cost little more than one, each further one a fifth. */
    static final CostChoice COSTS =
            new CostChoice.Given(StepCosts.fixed(Map.of(1, 1.0, 4, 1.1, 8, 1.9, 16, 3.5, 64, 13.5)));

    /** A plain token takes about as long as so many rows of a large pass. */
    private static final int PASS_OVERHEAD = 4;
    /** Slow kernels, as a multiple of the fast ones; for the progress only. */
    private static final int SLOW = 40;

    private final AuditOptions options;
    private final AuditListener listener;
    private final List<AuditResult.SkippedPrompt> skipped = new ArrayList<>();

    private Audit(AuditOptions options, AuditListener listener) {
        this.options = options;
        this.listener = listener;
    }

    /**
     * Runs an audit.
     *
     * @throws IOException if the model, the adapter or the suite cannot be read or does not fit
     * @throws TemplateException if the model has no chat template, or its template refuses a question
     * @throws NotANumberException if the model's logits are not numbers under plain decoding
     * @throws InterruptedException if the thread is interrupted
     */
    public static AuditResult run(AuditOptions options, AuditListener listener)
            throws IOException, TemplateException, InterruptedException {
        return new Audit(options, listener).run();
    }

    private AuditResult run() throws IOException, TemplateException, InterruptedException {
        long start = System.nanoTime();
        List<Question> questions = Suite.read(options.suite(), options.limit());
        Machine machine = Machine.current();
        int threads = options.mode() == AuditOptions.Mode.EXACTNESS ? 1 : machine.cores();
        LoadOptions loadPlain = LoadOptions.automatic()
                .withAdapter(new AdapterChoice.None())
                .withThreads(threads)
                .withCosts(COSTS);
        try (LanguageModel plain = LanguageModel.load(options.model(), loadPlain);
                LanguageModel tuned = plain.sharing(loadPlain.withAdapter(options.adapter()))) {
            AuditPlan plan = AuditPlan.of(
                    options, prompts(plain, questions), machine, tuned.adapter().map(Adapter::masks));
            AuditTally tally = new AuditTally(plain.config().vocabulary());
            compare(plain, loadPlain, tuned, machine.cores(), plan, tally);
            List<String> notes = new ArrayList<>(tuned.notices());
            notes.addAll(plan.notes());
            return new AuditResult(
                    options.model().toString(),
                    tuned.adapter().map(Adapter::origin),
                    "plain, " + plain.kernels().describe() + ", " + threads + (threads == 1 ? " thread" : " threads"),
                    plan.cases().size(),
                    skipped,
                    tally.scope(),
                    tally.drafts(),
                    tally.mismatches(),
                    tally.methods(),
                    plan.coverage(),
                    notes,
                    (System.nanoTime() - start) / 1e9);
        }
    }

    /** The prompts that leave room for an answer. */
    private List<AuditPlan.Prompt> prompts(LanguageModel model, List<Question> questions) throws TemplateException {
        int context = options.context().orElse(model.config().contextLength());
        List<AuditPlan.Prompt> prompts = new ArrayList<>();
        for (Question question : questions) {
            int[] tokens =
                    model.promptOfQuestion(List.of(Message.user(question.turns().getFirst())));
            if (tokens.length < context) {
                prompts.add(new AuditPlan.Prompt(
                        question, IntStream.of(tokens).boxed().toList()));
            } else {
                skipped.add(new AuditResult.SkippedPrompt(
                        question.id(),
                        "the prompt has " + tokens.length + " tokens, the context holds " + context
                                + " with at least one for the answer"));
            }
        }
        return prompts;
    }

    private void compare(
            LanguageModel plain,
            LoadOptions loadPlain,
            LanguageModel tuned,
            int cores,
            AuditPlan plan,
            AuditTally tally)
            throws IOException, InterruptedException {
        int masks = tuned.adapter().map(Adapter::masks).orElse(0);
        List<WorkQueue.Piece<Trace>> answers = new ArrayList<>();
        for (AuditPlan.Case one : plan.cases()) {
            answers.add(new WorkQueue.Piece<>(
                    question(one) + ", reference",
                    loadPlain.threads(),
                    referenceCost(one),
                    () -> reference(plain, loadPlain, one)));
        }
        long total = answers.stream().mapToLong(WorkQueue.Piece::cost).sum()
                + plan.cases().stream()
                        .flatMapToLong(one -> one.runs().stream().mapToLong(run -> cost(one, run, masks)))
                        .sum();
        WorkQueue queue = new WorkQueue(cores, total, listener);
        List<Trace> references = queue.run(answers);
        List<WorkQueue.Piece<AuditTally.Outcome>> comparisons = new ArrayList<>();
        for (int i = 0; i < references.size(); i++) {
            AuditPlan.Case one = plan.cases().get(i);
            Trace reference = references.get(i);
            for (AuditPlan.Run run : one.runs()) {
                comparisons.add(new WorkQueue.Piece<>(
                        question(one) + ", " + run.method().name() + " ("
                                + run.execution().describe() + ")",
                        run.execution().threads(),
                        cost(one, run, masks),
                        () -> compare(tuned, one, run, reference)));
            }
        }
        queue.run(comparisons).forEach(tally::add);
        listener.progress(total, total, "done");
    }

    private static String question(AuditPlan.Case one) {
        return "question " + one.prompt().question().id();
    }

    private Trace reference(LanguageModel plain, LoadOptions load, AuditPlan.Case one)
            throws IOException, InterruptedException {
        TraceRecorder recorder = new TraceRecorder();
        SessionOptions session = session(
                new AuditedMethod(new Method.Plain(), OptionalInt.empty()),
                one.text(),
                DecodingSettings.PREFILL_CHUNK,
                recorder);
        try (LanguageModel model = plain.sharing(load)) {
            return recorder.trace(
                    answer(model, session, one, options.maxTokens()).tokenIds());
        }
    }

    private AuditTally.Outcome compare(LanguageModel tuned, AuditPlan.Case one, AuditPlan.Run run, Trace reference)
            throws IOException, InterruptedException {
        TraceRecorder recorder = new TraceRecorder();
        Execution execution = run.execution();
        SessionOptions session = session(run.method(), one.text(), execution.prefillChunk(), recorder);
        // Opened for this answer only: the waiting threads of a model at rest still take time from the others.
        try (LanguageModel model = tuned.sharing(execution.loadOptions(options.adapter()))) {
            Answer answer = answer(model, session, one, run.maxTokens());
            Trace trace = recorder.trace(answer.tokenIds());
            return new AuditTally.Outcome(
                    one,
                    run,
                    Optional.of(answer.statistics()),
                    TraceComparison.compare(reference, trace, run.maxTokens()));
        } catch (NotANumberException e) {
            int index = recorder.trace(List.of()).logits().size();
            int position = one.prompt().tokens().size() - 1 + index;
            return new AuditTally.Outcome(
                    one,
                    run,
                    Optional.empty(),
                    Optional.of(new Divergence(Divergence.What.NOT_A_NUMBER, index, position)));
        }
    }

    private SessionOptions session(AuditedMethod method, TextSettings text, int prefillChunk, TraceRecorder recorder) {
        return new SessionOptions(
                Optional.of(method.method()),
                method.rows(),
                options.context(),
                text.cacheFormat(),
                prefillChunk,
                recorder);
    }

    private static Answer answer(LanguageModel model, SessionOptions options, AuditPlan.Case one, int maxTokens)
            throws InterruptedException {
        GenerationOptions generation =
                GenerationOptions.of(OptionalInt.of(maxTokens), one.text().sampling(), List.of());
        int[] prompt =
                one.prompt().tokens().stream().mapToInt(Integer::intValue).toArray();
        try (Session session = model.session(options)) {
            Answer answer = session.generate(prompt, generation, cancellingWhenInterrupted(session));
            if (answer.finish() == Answer.Finish.CANCELLED) {
                throw new InterruptedException();
            }
            return answer;
        }
    }

    private static AnswerListener cancellingWhenInterrupted(Session session) {
        return new AnswerListener() {
            @Override
            public void prompt(int tokensRead, int tokens) {
                check();
            }

            @Override
            public void text(Piece piece) {
                check();
            }

            private void check() {
                if (Thread.currentThread().isInterrupted()) {
                    session.cancel();
                }
            }
        };
    }

    private long referenceCost(AuditPlan.Case one) {
        return one.prompt().tokens().size() + (long) options.maxTokens() * PASS_OVERHEAD;
    }

    /** In rows of a large pass, assuming that a step decides two tokens. */
    private static long cost(AuditPlan.Case one, AuditPlan.Run run, int masks) {
        long rows = run.method().mostRows(masks);
        long perToken = rows == 1 ? PASS_OVERHEAD : (PASS_OVERHEAD + rows) / 2;
        long cost = one.prompt().tokens().size() + run.maxTokens() * perToken;
        return run.execution().executor().isSlow() ? SLOW * cost : cost;
    }
}
