package bita.tune.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;

/** Cuts bytes into records, and keeps no more of a record than the limit. */
sealed interface Records {
    /** The next record; empty behind the last one. */
    Optional<Raw> next() throws IOException;

    /**
     * A record as it stands in the file.
     *
     * @param line     where it begins, from 1
     * @param bytes    without the line's end; empty if the record is too long
     * @param length   of the record in the file, its line's end included
     * @param tooLong  whether it is longer than the limit
     * @param complete whether its end is in the file
     */
    record Raw(long line, ByteBuffer bytes, long length, boolean tooLong, boolean complete) {}

    /** A record per line. */
    final class Lines implements Records {
        private final ByteReader in;
        private final Collector collector;
        private long line;

        Lines(ByteReader in, int limit) {
            this.in = in;
            this.collector = new Collector(limit);
        }

        @Override
        public Optional<Raw> next() throws IOException {
            int next = in.read();
            if (next < 0) {
                return Optional.empty();
            }
            line++;
            for (; next >= 0 && next != '\n'; next = in.read()) {
                collector.add(next);
            }
            return Optional.of(collector.record(line, next >= 0));
        }
    }

    /**
     * A record per element of one JSON array. Elements are told apart by commas outside strings and brackets, so that a
     * broken element does not hide those behind it and none is held whole in memory because it is long.
     */
    final class Elements implements Records {
        private final ByteReader in;
        private final Collector collector;
        private long line = 1;
        private boolean begun;
        private boolean ended;

        Elements(ByteReader in, int limit) {
            this.in = in;
            this.collector = new Collector(limit);
        }

        @Override
        public Optional<Raw> next() throws IOException {
            int next = skipBlanks();
            if (!begun) {
                begun = true;
                next = skipBlanks();
                if (next == ']') {
                    ended = true;
                    next = skipBlanks();
                }
            }
            if (ended) {
                if (next >= 0) {
                    throw new IOException("line " + line + ": something stands behind the end of the JSON array; the"
                            + " file must be one array, or one object per line");
                }
                return Optional.empty();
            }
            return Optional.of(element(next));
        }

        private Raw element(int first) throws IOException {
            long start = line;
            int depth = 0;
            boolean string = false;
            boolean escaped = false;
            for (int next = first; ; next = read()) {
                if (next < 0) {
                    throw new IOException("line " + start + ": the JSON array ends within the record that begins here;"
                            + " the file is cut off, or the record lacks a quote or bracket");
                }
                if (string) {
                    // A text cannot hold an unescaped line's end: its quote is missing, and what follows is no text.
                    string = next != '\n' && (escaped || next != '"');
                    escaped = !escaped && next == '\\';
                } else if (depth == 0 && (next == ',' || next == ']')) {
                    ended = next == ']';
                    return collector.record(start, true);
                } else {
                    string = next == '"';
                    depth += next == '{' || next == '[' ? 1 : 0;
                    depth -= next == '}' || next == ']' ? 1 : 0;
                    depth = Math.max(depth, 0);
                }
                collector.add(next);
            }
        }

        private int skipBlanks() throws IOException {
            int next = read();
            while (next == ' ' || next == '\t' || next == '\r' || next == '\n') {
                next = read();
            }
            return next;
        }

        private int read() throws IOException {
            int next = in.read();
            if (next == '\n') {
                line++;
            }
            return next;
        }
    }

    /** Bytes of one record up to a limit. */
    final class Collector {
        private final int limit;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private long length;

        Collector(int limit) {
            this.limit = limit;
        }

        void add(int value) {
            if (length < limit) {
                bytes.write(value);
            }
            length++;
        }

        Raw record(long line, boolean complete) {
            boolean tooLong = length > limit;
            ByteBuffer kept = ByteBuffer.wrap(tooLong ? new byte[0] : bytes.toByteArray());
            Raw record = new Raw(line, kept, length + (complete ? 1 : 0), tooLong, complete);
            bytes.reset();
            length = 0;
            return record;
        }
    }
}
