package bita.eval;

import bita.api.Answer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Adds up what an audit compares. */
final class AuditTally {
    /**
     * What came of a run.
     *
     * @param answer     empty if it could not be made
     * @param divergence of the answer from the reference; empty if there is none
     */
    record Outcome(
            AuditPlan.Case prompt,
            AuditPlan.Run run,
            Optional<Answer.Statistics> answer,
            Optional<Divergence> divergence) {}

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

    /** Counts a comparison. */
    void add(Outcome outcome) {
        outcome.answer().ifPresent(this::add);
        boolean greedy = outcome.prompt().text().sampling().isGreedy();
        add(
                outcome.run().label(),
                outcome.divergence().isEmpty(),
                outcome.answer().filter(_ -> greedy));
        outcome.divergence().ifPresent(divergence -> addMismatch(outcome.prompt(), outcome.run(), divergence));
    }

    private void add(Answer.Statistics answer) {
        tokens += answer.completionTokens();
        int accepted = answer.completionTokens() - 1 - answer.steps();
        this.accepted += accepted;
        rejected += answer.draftedTokens() - accepted;
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
