package bita.cli;

import bita.api.LanguageModel;
import bita.model.template.TemplateException;
import bita.tune.Distillation;
import bita.tune.DistillationListener;
import bita.tune.DistillationResult;
import bita.tune.DistillationSettings;
import bita.tune.QuestionSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CancellationException;

/** Self-distillation with a progress bar, which Ctrl-C stops. */
final class AnswerMaking {
    private AnswerMaking() {}

    /**
     * Adds answers to a file until it has all.
     *
     * @throws CancellationException if it was stopped, which has been said
     */
    static DistillationResult run(
            Terminal terminal, LanguageModel model, Path output, QuestionSource source, DistillationSettings settings)
            throws IOException, TemplateException {
        String sha256 = terminal.store().hashes().sha256(model.path());
        Progress progress = new Progress(terminal);
        try (progress;
                var _ = terminal.interruption().interruptingThisThread()) {
            return Distillation.run(model, sha256, output, source, settings, progress);
        } catch (InterruptedException _) {
            terminal.note("stopped with " + Format.count(progress.answers) + " of " + Format.count(progress.total)
                    + " answers in " + output + "; the same command goes on from there");
            throw new CancellationException();
        }
    }

    /** Says if answers are missing because the model is broken. */
    static boolean complainsOfFailures(Terminal terminal, DistillationResult result) {
        if (result.failed() == 0) {
            return false;
        }
        terminal.error("the model produced NaN at " + Format.count(result.failed())
                + " questions: check the model file, and the number format if it was converted");
        return true;
    }

    /** Shows how far the answers have come. */
    private static final class Progress implements DistillationListener, AutoCloseable {
        private final Terminal terminal;
        private final ProgressBar bar;
        private final long start = System.nanoTime();
        private int answers;
        private int total;

        Progress(Terminal terminal) {
            this.terminal = terminal;
            this.bar = ProgressBar.ofAnswers(terminal);
        }

        @Override
        public void progress(int done, int all, long tokens) {
            answers = done;
            total = all;
            double seconds = (System.nanoTime() - start) / 1e9;
            bar.update(done, all, Format.count(Math.round(tokens / seconds)) + " tokens/s");
        }

        @Override
        public void skipped(String question, String reason) {
            bar.clear();
            terminal.note("question " + question + " is skipped: " + reason);
        }

        @Override
        public void close() {
            bar.close();
        }
    }
}
