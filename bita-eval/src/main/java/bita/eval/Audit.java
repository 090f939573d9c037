package bita.eval;

import bita.api.AdapterChoice;
import bita.api.Answer;
import bita.api.AnswerListener;
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
import bita.model.template.TemplateException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
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
    /** A plain token takes about as long as so many rows of a large pass. */
    private static final int PASS_OVERHEAD = 4;
    /** Slow kernels, as a multiple of the fast ones; for the progress only. */
    private static final int SLOW = 40;

    private final AuditOptions options;
    private final AuditListener listener;
    private final List<AuditResult.SkippedPrompt> skipped = new ArrayList<>();
    private long done;
    private long total;

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
     */
    public static AuditResult run(AuditOptions options, AuditListener listener) throws IOException, TemplateException {
        return new Audit(options, listener).run();
    }

    private AuditResult run() throws IOException, TemplateException {
        long start = System.nanoTime();
        List<Question> questions = Suite.read(options.suite(), options.limit());
        Machine machine = Machine.current();
        int threads = options.mode() == AuditOptions.Mode.EXACTNESS ? 1 : machine.cores();
        LoadOptions loadPlain = new LoadOptions(new AdapterChoice.None(), threads, Optional.empty(), Optional.empty());
        try (LanguageModel plain = LanguageModel.load(options.model(), loadPlain);
                LanguageModel tuned = plain.sharing(loadPlain.withAdapter(options.adapter()))) {
            AuditPlan plan = AuditPlan.of(
                    options, prompts(plain, questions), machine, tuned.adapter().map(Adapter::masks));
            AuditTally tally = new AuditTally(plain.config().vocabulary());
            compare(plain, tuned, plan, tally);
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
            int[] tokens = model.prompt(List.of(Message.user(question.turns().getFirst())));
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

    private void compare(LanguageModel plain, LanguageModel tuned, AuditPlan plan, AuditTally tally)
            throws IOException {
        int masks = tuned.adapter().map(Adapter::masks).orElse(0);
        for (AuditPlan.Case one : plan.cases()) {
            total += referenceCost(one);
            for (AuditPlan.Run run : one.runs()) {
                total += cost(one, run, masks);
            }
        }
        for (AuditPlan.Case one : plan.cases()) {
            String question = "question " + one.prompt().question().id();
            listener.progress(done, total, question + ", reference");
            Trace reference = reference(plain, one);
            done += referenceCost(one);
            for (AuditPlan.Run run : one.runs()) {
                listener.progress(
                        done,
                        total,
                        question + ", " + run.method().name() + " ("
                                + run.execution().describe() + ")");
                compare(tuned, one, run, reference, tally);
                done += cost(one, run, masks);
            }
        }
        listener.progress(done, total, "done");
    }

    private Trace reference(LanguageModel plain, AuditPlan.Case one) {
        TraceRecorder recorder = new TraceRecorder();
        SessionOptions session = session(
                new AuditedMethod(new Method.Plain(), OptionalInt.empty()),
                one.text(),
                DecodingSettings.PREFILL_CHUNK,
                recorder);
        return recorder.trace(answer(plain, session, one, options.maxTokens()).tokenIds());
    }

    private void compare(LanguageModel tuned, AuditPlan.Case one, AuditPlan.Run run, Trace reference, AuditTally tally)
            throws IOException {
        TraceRecorder recorder = new TraceRecorder();
        Execution execution = run.execution();
        SessionOptions session = session(run.method(), one.text(), execution.prefillChunk(), recorder);
        // Opened for this answer only: the waiting threads of a model at rest still take time from the others.
        try (LanguageModel model = tuned.sharing(execution.loadOptions(options.adapter()))) {
            Answer answer = answer(model, session, one, run.maxTokens());
            Trace trace = recorder.trace(answer.tokenIds());
            tally.add(one, run, answer.statistics(), TraceComparison.compare(reference, trace, run.maxTokens()));
        } catch (NotANumberException e) {
            int index = recorder.trace(List.of()).logits().size();
            int position = one.prompt().tokens().size() - 1 + index;
            tally.addFailure(one, run, new Divergence(Divergence.What.NOT_A_NUMBER, index, position));
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

    private static Answer answer(LanguageModel model, SessionOptions options, AuditPlan.Case one, int maxTokens) {
        GenerationOptions generation =
                new GenerationOptions(OptionalInt.of(maxTokens), one.text().sampling(), List.of());
        int[] prompt =
                one.prompt().tokens().stream().mapToInt(Integer::intValue).toArray();
        try (Session session = model.session(options)) {
            return session.generate(prompt, generation, AnswerListener.NONE);
        }
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
