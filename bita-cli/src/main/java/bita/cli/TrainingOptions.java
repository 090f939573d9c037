package bita.cli;

import bita.tune.train.LossFunction;
import bita.tune.train.TrainingSettings;
import java.util.Optional;
import picocli.CommandLine.Option;

/** How an adapter is learned. */
final class TrainingOptions {
    @Option(names = "--steps", paramLabel = "N", description = "Steps of training. Default: 150.")
    Optional<Integer> steps = Optional.empty();

    @Option(names = "--prompt-tokens", paramLabel = "N", description = "Prompt tokens to learn. Default: 16.")
    Optional<Integer> prompts = Optional.empty();

    @Option(names = "--masks", paramLabel = "N", description = "Mask tokens to learn. Default: 3.")
    Optional<Integer> masks = Optional.empty();

    @Option(
            names = "--rank",
            paramLabel = "N",
            description = "Rank of what is added to the linear layers where masks pass; 0 for nothing. Default: 0.")
    Optional<Integer> rank = Optional.empty();

    @Option(names = "--window", paramLabel = "N", description = "Anchors of an answer trained together. Default: 64.")
    Optional<Integer> window = Optional.empty();

    @Option(names = "--batch", paramLabel = "N", description = "Answers of a step. Default: 8.")
    Optional<Integer> batch = Optional.empty();

    @Option(
            names = "--accumulate",
            paramLabel = "N",
            description =
                    "Answers whose gradients are gathered before they are added to the step's; it decides the last"
                            + " bits, as a run on many machines needs it (docs/spark.md). Default: 1.")
    Optional<Integer> accumulate = Optional.empty();

    @Option(names = "--learning-rate", paramLabel = "X", description = "The highest. Default: 0.1.")
    Optional<Double> learningRate = Optional.empty();

    @Option(
            names = "--low-rank-rate",
            paramLabel = "X",
            description = "The highest learning rate of what is added to linear layers. Default: 0.006.")
    Optional<Double> lowRankRate = Optional.empty();

    @Option(names = "--decay", paramLabel = "X", description = "Mask i counts exp(-(i - 1) / X). Default: 4.")
    Optional<Double> decay = Optional.empty();

    @Option(
            names = "--loss",
            paramLabel = "LOSS",
            description = "One of ${COMPLETION-CANDIDATES}. Default: cross_entropy.")
    Optional<LossFunction> loss = Optional.empty();

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "Tokens of an answer, with its prompt, that are used. Default: 420.")
    Optional<Integer> maxTokens = Optional.empty();

    @Option(names = "--seed", paramLabel = "N", description = "Seed of everything random. Default: 1.")
    Optional<Long> seed = Optional.empty();

    TrainingSettings settings() {
        TrainingSettings standard = TrainingSettings.DEFAULT;
        return new TrainingSettings(
                prompts.orElse(standard.prompts()),
                masks.orElse(standard.masks()),
                rank.orElse(standard.rank()),
                window.orElse(standard.window()),
                batch.orElse(standard.answersPerStep()),
                accumulate.orElse(standard.accumulate()),
                steps.orElse(standard.steps()),
                learningRate.orElse(standard.learningRate()),
                lowRankRate.orElse(standard.lowRankRate()),
                standard.warmup(),
                standard.clip(),
                decay.orElse(standard.decay()),
                loss.orElse(standard.loss()),
                maxTokens.orElse(standard.mostTokens()),
                seed.orElse(standard.seed()));
    }
}
