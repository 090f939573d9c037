package bita.tune.data;

import java.io.IOException;
import java.io.InputStream;

/** The bytes of a stream one by one; how it begins can be looked at before anything is read. */
final class ByteReader implements AutoCloseable {
    private static final int BUFFER_BYTES = 1 << 16;

    private final InputStream in;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int next;
    private int end;

    ByteReader(InputStream in) throws IOException {
        this.in = in;
        end = in.readNBytes(buffer, 0, BUFFER_BYTES);
    }

    /** A byte of the buffer without reading it, counted from the next one; -1 behind the buffer's end. */
    int peek(int ahead) {
        return next + ahead < end ? buffer[next + ahead] & 0xff : -1;
    }

    void skip(int bytes) {
        next += bytes;
    }

    /** The next byte, or -1 at the end. */
    int read() throws IOException {
        if (next == end) {
            next = 0;
            end = Math.max(0, in.read(buffer));
            if (end == 0) {
                return -1;
            }
        }
        return buffer[next++] & 0xff;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
