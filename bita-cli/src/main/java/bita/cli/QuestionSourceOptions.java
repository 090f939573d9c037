package bita.cli;

import bita.tune.QuestionSource;
import bita.tune.data.Question;
import bita.tune.data.QuestionOptions;
import bita.tune.data.Questions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Where the questions come from whose answers are learned from. */
final class QuestionSourceOptions {
    @Option(names = "--prompts", paramLabel = "FILE", description = "Questions. Default: the model asks itself.")
    Optional<Path> prompts = Optional.empty();

    @Option(names = "--limit", paramLabel = "N", description = "Most questions of the file. Default: all.")
    Optional<Integer> limit = Optional.empty();

    @Option(
            names = "--count",
            paramLabel = "N",
            description = "Questions that the model asks itself, unfit ones not counted. Default: "
                    + QuestionSource.SelfAsked.COUNT + ".")
    Optional<Integer> count = Optional.empty();

    /** Whether any of them was given. */
    boolean given() {
        return prompts.isPresent() || limit.isPresent() || count.isPresent();
    }

    /** Reads the questions, if there is a file; what is wrong in it is noted. */
    QuestionSource source(Terminal terminal) throws IOException {
        if (prompts.isEmpty()) {
            if (limit.isPresent()) {
                throw new UsageException(
                        "--limit is for the questions of --prompts; --count says how many the model asks itself");
            }
            return UsageException.check(
                    () -> new QuestionSource.SelfAsked(count.orElse(QuestionSource.SelfAsked.COUNT)));
        }
        if (count.isPresent()) {
            throw new UsageException("--count is for a model that asks itself; --limit says how many questions of"
                    + " --prompts are answered");
        }
        int most = limit.orElse(Integer.MAX_VALUE);
        if (most < 1) {
            throw new UsageException("the limit of questions must be at least 1, not " + most);
        }
        List<Question> questions = new ArrayList<>();
        try (Questions file = Questions.open(
                prompts.get(),
                QuestionOptions.DEFAULT,
                (line, problem) -> terminal.note(prompts.get() + ", line " + line + " is skipped: " + problem))) {
            while (questions.size() < most) {
                Optional<Question> next = file.next();
                if (next.isEmpty()) {
                    break;
                }
                questions.add(next.get());
            }
        }
        return new QuestionSource.Given(questions);
    }
}
