package bita.eval;

import bita.api.AdapterChoice;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/**
 * What to audit.
 *
 * @param model          a GGUF file
 * @param adapter        what methods with masks draft with; without one they are left out, and the result says so
 * @param suite          questions, see {@link Suite}; their first turns are the prompts
 * @param limit          most questions
 * @param maxTokens      most new tokens of an answer
 * @param wideTreeTokens most new tokens under a method whose steps take more than {@value #WIDE_ROWS} rows, which cost
 *     several times as much as others; all of {@code maxTokens} where tokens per step are measured
 * @param context        most tokens of prompt and answer together; empty for what the model was trained for
 * @param methods        at least one
 */
public record AuditOptions(
        Path model,
        AdapterChoice adapter,
        Path suite,
        int limit,
        int maxTokens,
        int wideTreeTokens,
        OptionalInt context,
        List<AuditedMethod> methods,
        Mode mode) {
    /** Steps with more rows than this are wide. */
    public static final int WIDE_ROWS = 32;

    /** What the audit is for. */
    public enum Mode {
        /** Every method on every prompt, settings varied from prompt to prompt so that every pair of them occurs. */
        EXACTNESS,
        /** Every method that drafts on every prompt, greedily, at the default settings: tokens per step. */
        TOKENS_PER_STEP
    }

    public AuditOptions {
        methods = List.copyOf(methods);
        requirePositive("the limit of questions", limit);
        requirePositive("the most tokens of an answer", maxTokens);
        requirePositive("the most tokens under a wide tree", wideTreeTokens);
        if (methods.isEmpty()) {
            throw new IllegalArgumentException("an audit needs at least one method");
        }
    }

    private static void requirePositive(String what, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(what + " must be at least 1, not " + value);
        }
    }

    /** 60 questions, 128 tokens each, every method. */
    public static AuditOptions of(Path model, Path suite) {
        return new AuditOptions(
                model,
                new AdapterChoice.Automatic(),
                suite,
                60,
                128,
                16,
                OptionalInt.empty(),
                AuditedMethod.standard(),
                Mode.EXACTNESS);
    }

    public AuditOptions withAdapter(AdapterChoice choice) {
        return new AuditOptions(model, choice, suite, limit, maxTokens, wideTreeTokens, context, methods, mode);
    }

    public AuditOptions withLimit(int questions) {
        return new AuditOptions(model, adapter, suite, questions, maxTokens, wideTreeTokens, context, methods, mode);
    }

    public AuditOptions withMaxTokens(int most) {
        return new AuditOptions(model, adapter, suite, limit, most, wideTreeTokens, context, methods, mode);
    }

    public AuditOptions withContext(OptionalInt tokens) {
        return new AuditOptions(model, adapter, suite, limit, maxTokens, wideTreeTokens, tokens, methods, mode);
    }

    public AuditOptions withMethods(List<AuditedMethod> chosen) {
        return new AuditOptions(model, adapter, suite, limit, maxTokens, wideTreeTokens, context, chosen, mode);
    }

    public AuditOptions withMode(Mode chosen) {
        return new AuditOptions(model, adapter, suite, limit, maxTokens, wideTreeTokens, context, methods, chosen);
    }
}
