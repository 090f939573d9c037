package bita.tune.data;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * Reads conversations to be answered from a UTF-8 file, one after the other; memory is bounded by the longest record
 * and a fingerprint for each question. The form is known by content, not by name:
 *
 * <ul>
 *   <li>Plain text: a question per line, of one turn. Blank lines are skipped.
 *   <li>JSON: an object per line (blank lines are skipped), or one array of objects. An object has {@code messages}
 *       (OpenAI: {@code role} and {@code content}) or {@code conversations} (ShareGPT: {@code from} and
 *       {@code value}); {@code turns}, a list of texts (Spec-Bench, Xia 2024, arXiv 2401.07851); {@code instruction}
 *       with or without {@code input} (Alpaca); {@code prompt}; or {@code question}. An {@code id} or
 *       {@code question_id} names it; {@code system} is what the model is told first. A text alone is a question too.
 * </ul>
 *
 * <p>Answers in the file are ignored: the model gives its own, turn by turn. Questions that say the same are read once.
 * Records that are no question are skipped and counted, up to a limit.
 */
public final class Questions implements AutoCloseable {
    private final Path file;
    private final QuestionOptions options;
    private final QuestionListener listener;
    private final ByteReader in;
    private final boolean plain;
    private final Records records;
    private final Set<Fingerprint> contents = new HashSet<>();
    private final Set<Fingerprint> ids = new HashSet<>();
    private long duplicates;
    private long refused;

    private Questions(Path file, ByteReader in, QuestionOptions options, QuestionListener listener) throws IOException {
        this.file = file;
        this.in = in;
        this.options = options;
        this.listener = listener;
        skipByteOrderMark();
        int first = blanks(0);
        int second = blanks(first + 1);
        boolean array = in.peek(first) == '[' && "{[]\"".indexOf(in.peek(second)) >= 0;
        boolean object = in.peek(first) == '{' && "}\"".indexOf(in.peek(second)) >= 0;
        plain = !array && !object;
        records = array ? new Records.Elements(in, options.mostBytes()) : new Records.Lines(in, options.mostBytes());
    }

    /**
     * Opens a file; a pipe will do.
     *
     * @throws IOException if it cannot be read, or is UTF-16
     */
    public static Questions open(Path file, QuestionOptions options, QuestionListener listener) throws IOException {
        ByteReader in = new ByteReader(Files.newInputStream(file));
        try {
            return new Questions(file, in, options, listener);
        } catch (IOException | RuntimeException e) {
            in.close();
            throw e;
        }
    }

    private void skipByteOrderMark() throws IOException {
        int first = in.peek(0);
        int second = in.peek(1);
        if ((first == 0xff && second == 0xfe) || (first == 0xfe && second == 0xff)) {
            throw new IOException(file + ": the text is UTF-16; convert it to UTF-8");
        }
        if (first == 0xef && second == 0xbb && in.peek(2) == 0xbf) {
            in.skip(3);
        }
    }

    /** Where the first byte that is not blank stands, from an index on. */
    private int blanks(int from) {
        int at = from;
        while (in.peek(at) == ' ' || in.peek(at) == '\t' || in.peek(at) == '\r' || in.peek(at) == '\n') {
            at++;
        }
        return at;
    }

    /**
     * The next question; empty at the end.
     *
     * @throws IOException if the file cannot be read, more records than allowed are no questions, or there is no
     *     question in the whole file; the message names the line
     */
    public Optional<Question> next() throws IOException {
        for (Optional<Records.Raw> raw = nextRecord(); raw.isPresent(); raw = nextRecord()) {
            try {
                Optional<Question> question = question(raw.get());
                if (question.isPresent() && isNew(question.get())) {
                    return question;
                }
            } catch (QuestionFormat.RefusedException e) {
                refuse(raw.get().line(), String.valueOf(e.getMessage()));
            }
        }
        if (contents.isEmpty()) {
            throw new IOException(file + ": the file holds no question"
                    + (refused > 0 ? "; " + refused + " records were refused" : ""));
        }
        return Optional.empty();
    }

    private Optional<Records.Raw> nextRecord() throws IOException {
        try {
            return records.next();
        } catch (IOException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    private Optional<Question> question(Records.Raw raw) throws QuestionFormat.RefusedException {
        if (raw.tooLong()) {
            throw new QuestionFormat.RefusedException(
                    "the record has " + raw.length() + " bytes; at most " + options.mostBytes() + " are read");
        }
        String text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(raw.bytes()).toString();
        } catch (CharacterCodingException e) {
            throw new QuestionFormat.RefusedException("the text is not UTF-8; convert the file");
        }
        if (text.isBlank()) {
            if (records instanceof Records.Elements) {
                throw new QuestionFormat.RefusedException("a record of the array is empty: there is a comma too many");
            }
            return Optional.empty();
        }
        return Optional.of(plain ? QuestionFormat.plain(text.strip()) : QuestionFormat.parse(text));
    }

    /** Two questions of one id would share their answers. */
    private boolean isNew(Question question) throws QuestionFormat.RefusedException {
        Fingerprint content = Fingerprint.of(question.system(), question.turns());
        if (contents.contains(content)) {
            duplicates++;
            return false;
        }
        if (!ids.add(Fingerprint.of(question.id()))) {
            throw new QuestionFormat.RefusedException(
                    "another question has the same id; give each one its own, or none");
        }
        contents.add(content);
        return true;
    }

    private void refuse(long line, String problem) throws IOException {
        if (refused == options.mostRefused()) {
            String skipped = refused == 0 ? "" : " (" + refused + " records before it were skipped)";
            throw new IOException(file + ", line " + line + ": " + problem + skipped);
        }
        refused++;
        listener.refused(line, problem);
    }

    /** Questions skipped so far because an earlier one says the same. */
    public long duplicates() {
        return duplicates;
    }

    /** Records skipped so far because they are no questions. */
    public long refused() {
        return refused;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
