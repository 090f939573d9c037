package bita.tune.data;

import bita.api.Message;
import bita.model.file.FileLock;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Finished answers of one model with one setting, a JSON object per line, to which answers are added until all
 * questions have theirs. Each is on the disk before {@link #append} returns, so that a stop at any moment loses no
 * finished answer: it leaves at most half a line, which the next opening cuts off. Safe for use by several threads; one
 * program at a time may have the file open.
 */
public final class AnswerFile implements AnswerStore, AutoCloseable {
    private final Path path;
    private final AnswerOrigin origin;
    private final FileLock lock;
    // Not a channel: an interrupt would close it in the middle of a line.
    private final RandomAccessFile file;
    private final Map<AnswerLines.Key, Place> places = new HashMap<>();
    private final long duplicates;
    private final long brokenBytes;
    private long end;

    private record Place(long offset, int length) {}

    private AnswerFile(Path path, AnswerOrigin origin, FileLock lock, RandomAccessFile file) throws IOException {
        this.path = path;
        this.origin = origin;
        this.lock = lock;
        this.file = file;
        // Its descriptor is that of the file, which is closed at the end.
        AnswerLines lines = new AnswerLines(path, new FileInputStream(file.getFD()), Optional.of(origin));
        for (Optional<AnswerLines.Line> line = lines.next(); line.isPresent(); line = lines.next()) {
            AnswerLines.Line known = line.get();
            places.put(AnswerLines.Key.of(known.answer()), new Place(known.offset(), known.length()));
        }
        duplicates = lines.duplicates();
        brokenBytes = lines.brokenBytes();
        end = lines.wholeBytes();
        if (brokenBytes > 0) {
            file.setLength(end);
        }
        if (lines.endMissing()) {
            write(new byte[] {'\n'});
        }
    }

    /**
     * Opens a file of answers, or begins one; half a line at its end is cut off, see {@link #brokenBytes}.
     *
     * @param origin what all answers come from
     * @throws IOException if the file cannot be read or written, another program has it open, it is no file of answers,
     *     or one of its answers comes from another model or other settings; then it is left as it was
     */
    public static AnswerFile open(Path path, AnswerOrigin origin) throws IOException {
        FileLock lock = FileLock.of(path);
        try {
            RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
            try {
                return new AnswerFile(path, origin, lock, file);
            } catch (IOException | RuntimeException e) {
                file.close();
                throw e;
            }
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /** What all answers come from. */
    public AnswerOrigin origin() {
        return origin;
    }

    /** Answers in the file. */
    public synchronized int size() {
        return places.size();
    }

    /** Lines of the file, when it was opened, that repeat an answer; the first one counts. */
    public long duplicates() {
        return duplicates;
    }

    /** Bytes cut off when the file was opened, because a stop had left half a line; 0 if none. */
    public long brokenBytes() {
        return brokenBytes;
    }

    /**
     * The answer to a conversation, if there is one.
     *
     * @param id       of the question
     * @param messages the conversation up to the user's turn to be answered
     * @throws IOException if the file cannot be read, or has an answer to another conversation of this id
     */
    @Override
    public synchronized Optional<AnsweredTurn> find(String id, List<Message> messages) throws IOException {
        Place place = places.get(new AnswerLines.Key(id, AnsweredTurn.turn(messages)));
        if (place == null) {
            return Optional.empty();
        }
        AnsweredTurn answer = read(place);
        if (!answer.messages().equals(messages)) {
            throw new IOException(path + ": the file has an answer to another conversation with the id " + id
                    + "; the questions have changed, so use another file");
        }
        return Optional.of(answer);
    }

    /**
     * Hands out all answers in the order of the file, one at a time.
     *
     * @throws IOException if the file cannot be read
     */
    @Override
    public synchronized void forEach(Consumer<AnsweredTurn> consumer) throws IOException {
        for (Place place : places.values().stream()
                .sorted(Comparator.comparingLong(Place::offset))
                .toList()) {
            consumer.accept(read(place));
        }
    }

    private AnsweredTurn read(Place place) throws IOException {
        byte[] json = new byte[place.length()];
        file.seek(place.offset());
        file.readFully(json);
        try {
            return AnswerLine.read(json).answer();
        } catch (AnswerLine.NoAnswerException e) {
            throw new IOException(path + ": the file has been changed while it was in use; start again", e);
        }
    }

    /**
     * Adds an answer, unless the file has one to the same turn of the question.
     *
     * @return whether it was added
     * @throws IOException if it could not be written, for instance because the disk is full; the file keeps the answers
     *     before it, and adding can be tried again
     * @throws IllegalArgumentException if the answer cannot be written as a line of UTF-8
     */
    @Override
    public synchronized boolean append(AnsweredTurn answer) throws IOException {
        return append(List.of(answer)) == 1;
    }

    /**
     * Adds answers that have come together, as {@link #append(AnsweredTurn)} does each: all of them, or none.
     *
     * @return how many were added
     */
    public synchronized int append(List<AnsweredTurn> answers) throws IOException {
        Map<AnswerLines.Key, Place> added = new LinkedHashMap<>();
        ByteArrayOutputStream lines = new ByteArrayOutputStream();
        for (AnsweredTurn answer : answers) {
            AnswerLines.Key key = AnswerLines.Key.of(answer);
            if (!places.containsKey(key) && !added.containsKey(key)) {
                byte[] line = AnswerLine.write(answer, origin);
                added.put(key, new Place(end + lines.size(), line.length - 1));
                lines.writeBytes(line);
            }
        }
        if (!added.isEmpty()) {
            write(lines.toByteArray());
            places.putAll(added);
        }
        return added.size();
    }

    /** One synchronization: it costs milliseconds where an answer costs seconds. */
    private void write(byte[] bytes) throws IOException {
        try {
            if (file.length() != end) {
                file.setLength(end); // what a failed attempt has left
            }
            file.seek(end);
            file.write(bytes);
            file.getFD().sync();
        } catch (IOException e) {
            try {
                file.setLength(end);
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            throw new IOException(
                    path + ": writing failed (" + e.getMessage() + "); the " + places.size()
                            + " answers before are kept, so make room and start again",
                    e);
        }
        end += bytes.length;
    }

    @Override
    public synchronized void close() throws IOException {
        try {
            file.close();
        } finally {
            lock.close();
        }
    }
}
