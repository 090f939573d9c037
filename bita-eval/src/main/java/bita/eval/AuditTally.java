package bita.eval;

import bita.api.Answer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Adds up what an audit compares. */
final class AuditTally {
    private final int vocabulary;
    private final Map<String, MethodFigures> methods = new LinkedHashMap<>();
    private final List<Mismatch> mismatches = new ArrayList<>();
    private int comparisons;
    private long tokens;
    private long accepted;
    private long rejected;

    /**
     * @param vocabulary logits of each token
     */
    AuditTally(int vocabulary) {
        this.vocabulary = vocabulary;
    }

    /** Counts an answer that was compared, and how it differs. */
    void add(AuditPlan.Case one, AuditPlan.Run run, Answer.Statistics answer, Optional<Divergence> divergence) {
        tokens += answer.completionTokens();
        int accepted = answer.completionTokens() - 1 - answer.steps();
        this.accepted += accepted;
        rejected += answer.draftedTokens() - accepted;
        boolean greedy = one.text().sampling().isGreedy();
        add(run.label(), divergence.isEmpty(), greedy ? Optional.of(answer) : Optional.empty());
        divergence.ifPresent(first -> addMismatch(one, run, first));
    }

    /** Counts an answer that could not be made. */
    void addFailure(AuditPlan.Case one, AuditPlan.Run run, Divergence divergence) {
        add(run.label(), false, Optional.empty());
        addMismatch(one, run, divergence);
    }

    private void add(String label, boolean identical, Optional<Answer.Statistics> greedy) {
        comparisons++;
        MethodFigures sum = methods.getOrDefault(label, new MethodFigures(label, 0, 0, 0, 0, 0, 0));
        methods.put(
                label,
                new MethodFigures(
                        label,
                        sum.comparisons() + 1,
                        sum.identical() + (identical ? 1 : 0),
                        sum.prompts() + (greedy.isPresent() ? 1 : 0),
                        sum.tokens()
                                + greedy.map(answer -> answer.completionTokens() - 1)
                                        .orElse(0),
                        sum.steps() + greedy.map(Answer.Statistics::steps).orElse(0),
                        sum.rows() + greedy.map(Answer.Statistics::rows).orElse(0L)));
    }

    private void addMismatch(AuditPlan.Case one, AuditPlan.Run run, Divergence divergence) {
        mismatches.add(new Mismatch(
                one.prompt().question().id(),
                run.method().name(),
                one.text().describe() + ", " + run.execution().describe(),
                divergence));
    }

    List<MethodFigures> methods() {
        return List.copyOf(methods.values());
    }

    List<Mismatch> mismatches() {
        return List.copyOf(mismatches);
    }

    AuditResult.Scope scope() {
        return new AuditResult.Scope(comparisons, tokens, tokens * vocabulary);
    }

    AuditResult.Drafts drafts() {
        return new AuditResult.Drafts(accepted, rejected);
    }
}
