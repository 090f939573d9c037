package bita.tune.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * Reads a file of answers from its beginning: whole lines of one origin, and perhaps half a line at the end, which a
 * stop has left.
 */
final class AnswerLines {
    private final Path file;
    private final ByteReader in;
    private final Records.Lines lines;
    private final Set<Key> keys = new HashSet<>();
    private Optional<AnswerOrigin> origin;
    private long wholeBytes;
    private long brokenBytes;
    private long duplicates;
    private boolean endMissing;

    /** What an answer is known by: a turn of a question. */
    record Key(String id, int turn) {
        static Key of(AnsweredTurn answer) {
            return new Key(answer.id(), answer.turn());
        }
    }

    /** An answer, and where its line stands in the file. */
    record Line(AnsweredTurn answer, long offset, int length) {}

    /** @param origin what all lines must have; empty for that of the first line */
    AnswerLines(Path file, InputStream in, Optional<AnswerOrigin> origin) throws IOException {
        this.file = file;
        this.in = new ByteReader(in);
        this.lines = new Records.Lines(this.in, AnswerLine.MOST_BYTES);
        this.origin = origin;
    }

    /**
     * The next answer that is not a duplicate; empty behind the last whole line.
     *
     * @throws IOException if a line is no answer or of another origin; the message names the line
     */
    Optional<Line> next() throws IOException {
        for (Optional<Records.Raw> raw = lines.next(); raw.isPresent(); raw = lines.next()) {
            long offset = wholeBytes;
            Records.Raw record = raw.get();
            Optional<AnsweredTurn> answer = answer(record);
            if (answer.isPresent()) {
                wholeBytes += record.length();
                endMissing = !record.complete();
                if (keys.add(Key.of(answer.get()))) {
                    return Optional.of(
                            new Line(answer.get(), offset, record.bytes().limit()));
                }
                duplicates++;
            }
        }
        return Optional.empty();
    }

    /** Empty for half a line. */
    private Optional<AnsweredTurn> answer(Records.Raw record) throws IOException {
        if (record.tooLong()) {
            throw new IOException(file + ", line " + record.line() + ": the line has " + record.length()
                    + " bytes, more than any answer; this is no file of answers, or it is damaged");
        }
        AnswerLine.Parsed parsed;
        try {
            parsed = AnswerLine.read(record.bytes().array());
        } catch (AnswerLine.NoAnswerException e) {
            if (!record.complete() && isHalf(record.bytes().array())) {
                brokenBytes = record.length();
                return Optional.empty();
            }
            throw new IOException(
                    file + ", line " + record.line() + ": this is no answer (" + e.getMessage()
                            + "); choose a file that bita wrote, or delete the line",
                    e);
        }
        checkOrigin(record.line(), parsed.origin());
        return Optional.of(parsed.answer());
    }

    /**
     * Whether a stop can have left these bytes: the beginning of a line, or the zeros that some file systems show where
     * a write did not arrive. Anything else belongs to somebody, and must not be cut off.
     */
    private static boolean isHalf(byte[] bytes) {
        byte[] beginning = AnswerLine.BEGINNING.getBytes(StandardCharsets.UTF_8);
        boolean zeros = true;
        for (byte b : bytes) {
            zeros &= b == 0;
        }
        int common = Math.min(bytes.length, beginning.length);
        return zeros || Arrays.equals(bytes, 0, common, beginning, 0, common);
    }

    private void checkOrigin(long line, AnswerOrigin found) throws IOException {
        AnswerOrigin expected = origin.orElse(found);
        if (!found.modelSha256().equals(expected.modelSha256())) {
            throw new IOException(file + ", line " + line + ": the answer is another model's (SHA-256 "
                    + found.modelSha256().substring(0, 12) + "..., not "
                    + expected.modelSha256().substring(0, 12) + "...); use that model, or another file");
        }
        if (!found.equals(expected)) {
            throw new IOException(file + ", line " + line + ": the answer was made with other settings ("
                    + found.settings() + ", not " + expected.settings() + "); use these, or another file");
        }
        origin = Optional.of(expected);
    }

    /** What the lines read so far come from; empty if there were none and none was expected. */
    Optional<AnswerOrigin> origin() {
        return origin;
    }

    /** Bytes of the answers read so far, which may be all but the last line's end. */
    long wholeBytes() {
        return wholeBytes;
    }

    /** Bytes of the half line at the end, once that is reached. */
    long brokenBytes() {
        return brokenBytes;
    }

    /** Whether the last answer lacks its line's end. */
    boolean endMissing() {
        return endMissing;
    }

    /** Answers read so far that an earlier line has already. */
    long duplicates() {
        return duplicates;
    }
}
