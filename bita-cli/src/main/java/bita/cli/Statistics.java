package bita.cli;

import bita.api.Answer;
import bita.api.Session;
import bita.decode.SamplingSettings;

/** What an answer took, for people. */
final class Statistics {
    private Statistics() {}

    static String line(Session session, Answer answer, SamplingSettings sampling) {
        Answer.Statistics statistics = answer.statistics();
        StringBuilder line = new StringBuilder()
                .append(Format.count(statistics.completionTokens()))
                .append(statistics.completionTokens() == 1 ? " token" : " tokens");
        if (statistics.steps() > 0) {
            line.append(", ")
                    .append(Format.threeDigits(statistics.tokensPerSecond()))
                    .append(" tokens/s, ")
                    .append(Format.threeDigits(statistics.tokensPerStep()))
                    .append(" tokens per step");
        }
        line.append(", first after ")
                .append(Format.threeDigits(statistics.firstTokenNanos() / 1e9))
                .append(" s, ")
                .append(session.method().name());
        if (!sampling.isGreedy()) {
            line.append(", seed ").append(sampling.seed());
        }
        if (answer.finish() == Answer.Finish.LENGTH) {
            line.append("; cut off: --max-tokens and --context set how long an answer may be");
        }
        return line.toString();
    }
}
