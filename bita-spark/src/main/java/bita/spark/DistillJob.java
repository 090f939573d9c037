package bita.spark;

import bita.tune.DistillationSettings;
import bita.tune.data.AnswerFile;
import bita.tune.data.AnswerLine;
import bita.tune.data.AnswerOrigin;
import bita.tune.data.AnsweredTurn;
import bita.tune.data.Question;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Answers questions on many machines. The output is a folder of pieces, each a file of answers. */
final class DistillJob {
    /** Answers are carried to the output when so much time has passed. */
    private static final long KEEP_NANOS = 30_000_000_000L;

    /** The answers, as Spark's SQL has them. */
    private static final String SCHEMA = "id string, messages array<struct<role: string, content: string>>,"
            + " prompt_token_ids array<int>, answer_token_ids array<int>, finish string, model_sha256 string,"
            + " settings struct<temperature: double, top_k: int, top_p: double, min_p: double, seed: bigint>,"
            + " text string";

    private static final String PIECES = "/_answers";

    private final Cluster cluster;
    private final Storage storage;
    private final Settings settings;
    private final Progress progress;

    /**
     * How the job is done.
     *
     * @param distillation how questions are answered
     * @param perTask      questions of a task
     * @param mostSkipped  questions that may have no answer; at the next one the job ends
     * @param parquet      whether the output is Parquet, else lines of JSON
     */
    record Settings(DistillationSettings distillation, int perTask, int mostSkipped, boolean parquet) {
        Settings {
            if (perTask < 1) {
                throw new IllegalArgumentException("a task has at least one question, not " + perTask);
            }
            if (mostSkipped < 0) {
                throw new IllegalArgumentException(
                        "the questions that may be skipped are 0 or more in number, not " + mostSkipped);
            }
        }
    }

    /** Follows the job, on its thread. */
    interface Progress {
        void answered(int questions, int total);

        void skipped(String question, String reason);
    }

    /**
     * What it has led to.
     *
     * @param answersBefore turns that the output had answers to
     * @param answers       turns answered now
     * @param skipped       questions without an answer to one of their turns
     * @param tokens        decided now
     * @param seconds       that took
     */
    record Result(int answersBefore, int answers, int skipped, long tokens, double seconds) {}

    DistillJob(Cluster cluster, Storage storage, Settings settings, Progress progress) {
        this.cluster = cluster;
        this.storage = storage;
        this.settings = settings;
        this.progress = progress;
    }

    /**
     * Answers what has no answer yet.
     *
     * @param output URI of a folder
     * @param work   folder of this machine, for the job alone
     * @throws JobException if more questions than allowed cannot be answered, or executors cannot work; the output has
     *     what was answered
     */
    Result run(ModelReference model, List<Question> questions, String output, Path work)
            throws IOException, JobException {
        long start = System.nanoTime();
        Path local = work.resolve("answers.jsonl");
        String pieces = settings.parquet() ? output + PIECES : output;
        Storage.GrowingFile kept = storage.growing(local, pieces, ".jsonl");
        try (AnswerFile file = AnswerFile.open(
                local, new AnswerOrigin(model.sha256(), settings.distillation().answering()))) {
            int before = file.size();
            List<DistillTask.Piece> tasks = tasks(questions, file);
            Collected collected = new Collected(
                    file,
                    kept,
                    tasks.stream().mapToInt(task -> task.questions().size()).sum());
            try {
                cluster.run(
                        tasks,
                        new DistillTask(model, settings.distillation()),
                        (number, answers) -> collected.add(
                                answers, tasks.get(number).questions().size()));
            } finally {
                kept.keep();
            }
            if (settings.parquet()) {
                storage.putParquet(pieces, SCHEMA, output);
            }
            return new Result(
                    before,
                    file.size() - before,
                    collected.skipped,
                    collected.tokens,
                    (System.nanoTime() - start) / 1e9);
        }
    }

    /** Questions with a turn that has no answer, some for each task. */
    private List<DistillTask.Piece> tasks(List<Question> questions, AnswerFile file) throws IOException {
        List<DistillTask.Piece> tasks = new ArrayList<>();
        List<DistillTask.Asked> asked = new ArrayList<>();
        List<byte[]> known = new ArrayList<>();
        AnswerOrigin origin = file.origin();
        for (Question question : questions) {
            List<AnsweredTurn> answers = answers(question, file);
            if (answers.size() == question.turns().size()) {
                continue;
            }
            asked.add(DistillTask.Asked.of(question));
            answers.forEach(answer -> known.add(AnswerLine.write(answer, origin)));
            if (asked.size() == settings.perTask()) {
                tasks.add(new DistillTask.Piece(List.copyOf(asked), List.copyOf(known)));
                asked.clear();
                known.clear();
            }
        }
        if (!asked.isEmpty()) {
            tasks.add(new DistillTask.Piece(List.copyOf(asked), List.copyOf(known)));
        }
        return tasks;
    }

    private static List<AnsweredTurn> answers(Question question, AnswerFile file) throws IOException {
        List<AnsweredTurn> answers = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        while (answers.size() < question.turns().size()) {
            Optional<AnsweredTurn> known = file.find(question.id(), question.conversation(texts));
            if (known.isEmpty()) {
                break;
            }
            answers.add(known.get());
            texts.add(known.get().text());
        }
        return answers;
    }

    /** What tasks have brought so far. */
    private final class Collected {
        private final AnswerFile file;
        private final Storage.GrowingFile kept;
        private final int total;
        private long lastKept = System.nanoTime();
        private int done;
        private int skipped;
        private long tokens;

        Collected(AnswerFile file, Storage.GrowingFile kept, int total) {
            this.file = file;
            this.kept = kept;
            this.total = total;
        }

        void add(DistillTask.Answers answers, int questions) throws IOException, JobException {
            List<AnsweredTurn> turns = new ArrayList<>();
            for (byte[] line : answers.lines()) {
                try {
                    turns.add(AnswerLine.read(line).answer());
                } catch (AnswerLine.NoAnswerException e) {
                    throw new IOException("an executor has sent what is no answer: " + e.getMessage(), e);
                }
            }
            file.append(turns);
            done += questions;
            tokens += answers.tokens();
            if (System.nanoTime() - lastKept > KEEP_NANOS) {
                kept.keep();
                lastKept = System.nanoTime();
            }
            answers.skipped().forEach(progress::skipped);
            skipped += answers.skipped().size();
            if (skipped > settings.mostSkipped()) {
                throw new JobException(skipped + " questions have no answer, and " + settings.mostSkipped()
                        + " are allowed (--max-skipped): see to the first, or allow more; what was answered is kept");
            }
            progress.answered(done, total);
        }
    }
}
