package bita.cli;

import bita.api.Answer;
import bita.api.LanguageModel;
import bita.api.Session;
import bita.decode.Adapter;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * One answer, for programs.
 *
 * @param tokensPerSecond      without the prefill; with a comparison the median of the accelerated runs
 * @param tokensPerStep        tokens after the prefill's own, over the passes that made them
 * @param finish               {@code stop} or {@code length}
 * @param adapter              where it came from, null without one
 * @param plainTokensPerSecond median of the plain runs, only with a comparison
 * @param speedup              only with a comparison of answers of more than one token
 * @param identical            whether all runs gave the same tokens, only with a comparison
 */
record RunReport(
        String text,
        int promptTokens,
        int completionTokens,
        List<Integer> tokenIds,
        String finish,
        double tokensPerSecond,
        double timeToFirstTokenMs,
        int steps,
        double tokensPerStep,
        double rowsPerStep,
        String method,
        String model,
        Optional<String> adapter,
        long seed,
        String backend,
        String instructionSet,
        @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Double> plainTokensPerSecond,
        @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Double> speedup,
        @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Boolean> identical) {

    static RunReport of(LanguageModel model, Session session, Answer answer, long seed) {
        Answer.Statistics statistics = answer.statistics();
        return new RunReport(
                answer.text(),
                statistics.promptTokens(),
                statistics.completionTokens(),
                answer.tokenIds(),
                lower(answer.finish()),
                rounded(statistics.tokensPerSecond()),
                rounded(statistics.firstTokenNanos() / 1e6),
                statistics.steps(),
                rounded(statistics.tokensPerStep()),
                rounded(statistics.rowsPerStep()),
                session.method().name(),
                model.path().toString(),
                model.adapter().map(Adapter::origin),
                seed,
                lower(model.kernels().kernels().backend()),
                lower(model.kernels().kernels().instructionSet()),
                Optional.empty(),
                Optional.empty(),
                Optional.empty());
    }

    RunReport with(Comparison comparison) {
        return new RunReport(
                text,
                promptTokens,
                completionTokens,
                tokenIds,
                finish,
                rounded(comparison.accelerated()),
                timeToFirstTokenMs,
                steps,
                tokensPerStep,
                rowsPerStep,
                method,
                model,
                adapter,
                seed,
                backend,
                instructionSet,
                Optional.of(rounded(comparison.plain())),
                comparison.speedup().map(RunReport::rounded),
                Optional.of(comparison.identical()));
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static double rounded(double value) {
        return Math.round(value * 1000) / 1000.0;
    }
}
