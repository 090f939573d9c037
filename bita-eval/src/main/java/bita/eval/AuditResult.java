package bita.eval;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What an audit found.
 *
 * @param model      the model file
 * @param adapter    where the adapter came from; empty without one
 * @param reference  how the reference was decoded
 * @param prompts    prompts with a reference
 * @param skipped    prompts without one
 * @param scope      amount of what was compared
 * @param drafts     what the methods drafted
 * @param mismatches answers that differ
 * @param methods    figures by method
 * @param notes      what was left out or shortened, a sentence each
 * @param seconds    that the audit took
 */
public record AuditResult(
        String model,
        Optional<String> adapter,
        String reference,
        int prompts,
        List<SkippedPrompt> skipped,
        Scope scope,
        Drafts drafts,
        List<Mismatch> mismatches,
        List<MethodFigures> methods,
        SettingsCoverage coverage,
        List<String> notes,
        double seconds) {
    public AuditResult {
        skipped = List.copyOf(skipped);
        mismatches = List.copyOf(mismatches);
        methods = List.copyOf(methods);
        notes = List.copyOf(notes);
    }

    /** A prompt that was not audited, and why. */
    public record SkippedPrompt(String question, String reason) {}

    /**
     * Amount of what was compared, references not counted.
     *
     * @param comparisons answers
     * @param tokens      their tokens
     * @param logits      single logits: as many for each token as the vocabulary has
     */
    public record Scope(int comparisons, long tokens, long logits) {}

    /**
     * Drafted tokens. An audit that saw none accepted, or none rejected, has tested nothing.
     *
     * @param accepted that became part of an answer
     * @param rejected that did not
     */
    public record Drafts(long accepted, long rejected) {}

    /** Whether everything is identical and the audit proves it. */
    public boolean ok() {
        return objections().isEmpty();
    }

    /** Why the audit is not passed, a sentence each; empty if it is. */
    public List<String> objections() {
        List<String> objections = new ArrayList<>();
        if (!mismatches.isEmpty()) {
            objections.add(mismatches.size() + " of " + scope.comparisons() + " answers differ from plain decoding");
        }
        if (scope.comparisons() == 0) {
            objections.add("nothing was compared");
        } else {
            if (drafts.accepted() == 0) {
                objections.add("no draft was accepted, so the audit proves nothing: use more questions or tokens");
            }
            if (drafts.rejected() == 0) {
                objections.add("no draft was rejected, so the audit proves nothing: use more questions or tokens");
            }
        }
        return List.copyOf(objections);
    }
}
