package bita.eval.methods;

import bita.eval.Question;
import bita.model.file.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;

/**
 * The folder of a run: its journal, and when all is measured {@code results.json}, {@code report.md}, {@code report.html}
 * and {@code answers/METHOD.jsonl}. One program at a time may have it open.
 */
public final class ResultsFolder implements AutoCloseable {
    private static final String JOURNAL = "journal.jsonl";
    private static final String RESULTS = "results.json"; // written last: where it is, the run is finished
    private static final String MARKDOWN = "report.md";
    private static final String HTML = "report.html";
    private static final String ANSWERS = "answers";
    private static final JsonMapper JSON = JsonMapper.shared();

    private final Path path;
    private final RunSettings settings;
    private final Journal journal;
    private final int answersBefore;

    private ResultsFolder(Path path, RunSettings settings, Journal journal) {
        this.path = path;
        this.settings = settings;
        this.journal = journal;
        this.answersBefore = journal.size();
    }

    /**
     * Whether a run can use a folder.
     *
     * @param replace whether what is there may be replaced
     * @throws IOException if not; the message says what to do
     */
    public static void check(Path folder, boolean replace) throws IOException {
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new NotDirectoryException(folder.toString());
        }
        if (replace || !Files.exists(folder)) {
            return;
        }
        if (isFinished(folder)) {
            throw new FileAlreadyExistsException(
                    folder.toString(),
                    null,
                    "the folder has the results of a finished run; name another, or --force measures anew");
        }
        if (!Files.exists(folder.resolve(JOURNAL)) && !isEmpty(folder)) {
            throw new FileAlreadyExistsException(
                    folder.toString(),
                    null,
                    "the folder has other files; name another for the results, or --force puts them there");
        }
    }

    private static boolean isFinished(Path folder) {
        return Files.exists(folder.resolve(RESULTS));
    }

    private static boolean isEmpty(Path folder) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            return !files.iterator().hasNext();
        }
    }

    /**
     * Opens the folder of a run that has not finished, or makes a new one.
     *
     * @param replace whether what a run has left there is given up
     * @throws IOException if the folder cannot be used, another program has it open, or its run was begun with other
     *     settings; the message says what to do
     */
    public static ResultsFolder open(Path folder, boolean replace, RunSettings settings, List<Question> questions)
            throws IOException {
        check(folder, replace);
        Files.createDirectories(folder);
        Journal journal = Journal.open(folder.resolve(JOURNAL), replace, settings, questions);
        try {
            if (replace) {
                removeResults(folder);
            }
            return new ResultsFolder(folder, settings, journal);
        } catch (IOException e) {
            journal.close();
            throw e;
        }
    }

    /**
     * As {@link #open}, of the folders {@code PREFIX1}, {@code PREFIX2} and so on the first whose run has the same
     * settings and is not finished, otherwise the first that does not exist.
     */
    public static ResultsFolder openNext(Path parent, String prefix, RunSettings settings, List<Question> questions)
            throws IOException {
        for (int number = 1; ; number++) {
            Path folder = parent.resolve(prefix + number);
            if (!Files.exists(folder) || (!isFinished(folder) && isBegun(folder, settings))) {
                return open(folder, false, settings, questions);
            }
        }
    }

    private static boolean isBegun(Path folder, RunSettings settings) {
        try {
            return Journal.settings(folder.resolve(JOURNAL)).equals(Optional.of(settings));
        } catch (IOException e) {
            return false; // not the journal of this run in any case
        }
    }

    private static void removeResults(Path folder) throws IOException {
        for (String name : List.of(RESULTS, MARKDOWN, HTML)) {
            Files.deleteIfExists(folder.resolve(name));
        }
        Path answers = folder.resolve(ANSWERS);
        if (Files.isDirectory(answers)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(answers, "*.jsonl")) {
                for (Path file : files) {
                    Files.delete(file);
                }
            }
        }
    }

    public Path path() {
        return path;
    }

    /** The report for people. */
    public Path report() {
        return path.resolve(HTML);
    }

    /** Answers that the folder had when it was opened. */
    public int answersBefore() {
        return answersBefore;
    }

    /** Answers in the folder. */
    public int answers() {
        return journal.size();
    }

    Journal journal() {
        return journal;
    }

    RunSettings settings() {
        return settings;
    }

    /**
     * Writes the results, which ends the run.
     *
     * @param command that made them, for the reports
     * @throws IOException if a file cannot be written; the journal is kept, so that the run can be finished later
     */
    public void write(EvaluationResult result, String command) throws IOException {
        Path answers = Files.createDirectories(path.resolve(ANSWERS));
        double seconds = System.currentTimeMillis() / 1e3;
        for (Map.Entry<String, List<SpecBenchAnswer>> method : result.answers().entrySet()) {
            StringBuilder lines = new StringBuilder();
            method.getValue()
                    .forEach(answer -> lines.append(JSON.writeValueAsString(answer.json(seconds)))
                            .append('\n'));
            write(answers.resolve(fileName(method.getKey())), lines.toString());
        }
        write(path.resolve(MARKDOWN), MarkdownReport.of(result, command));
        write(path.resolve(HTML), HtmlReport.of(result, command));
        write(
                path.resolve(RESULTS),
                JSON.writerWithDefaultPrettyPrinter().writeValueAsString(JsonReport.of(result, command)) + "\n");
    }

    /** Colons are not for file names everywhere. */
    private static String fileName(String method) {
        return method.replace(':', '-') + ".jsonl";
    }

    private static void write(Path file, String content) throws IOException {
        try (AtomicFile atomic = AtomicFile.create(file, true)) {
            atomic.write(ByteBuffer.wrap(content.getBytes(StandardCharsets.UTF_8)));
            atomic.commit();
        }
    }

    @Override
    public void close() throws IOException {
        journal.close();
    }
}
