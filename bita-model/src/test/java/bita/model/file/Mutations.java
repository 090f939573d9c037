package bita.model.file;

import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;

/** Damages a sound file in many ways and gives each version to a reader. */
final class Mutations {
    /** Reads the file and all that can be asked of it. */
    interface Reader {
        void read(Path file) throws Exception;
    }

    private final byte[] sound;
    private final int headerBytes;
    private final Path file;
    private final Reader reader;
    private int accepted;
    private int refused;

    Mutations(byte[] sound, int headerBytes, Path file, Reader reader) {
        this.sound = sound;
        this.headerBytes = headerBytes;
        this.file = file;
        this.reader = reader;
    }

    /** Every length from 0 to that of the sound file, exclusive. */
    Mutations truncate() throws Exception {
        for (int length = 0; length < sound.length; length++) {
            check("cut to " + length, sound, length);
        }
        return this;
    }

    /** Every byte of the header, replaced by several values. */
    Mutations replaceBytes() throws Exception {
        for (int at = 0; at < headerBytes; at++) {
            for (int value : new int[] {0, 1, 0x7f, 0x80, 0xff, sound[at] ^ 1, sound[at] + 1, sound[at] ^ 0x20}) {
                byte[] mutated = sound.clone();
                mutated[at] = (byte) value;
                check("byte " + at + " is " + value, mutated, mutated.length);
            }
        }
        return this;
    }

    /** Several bytes of the header replaced at once, drawn from a fixed seed. */
    Mutations random(int times) throws Exception {
        Random random = new Random(20240122);
        for (int i = 0; i < times; i++) {
            byte[] mutated = sound.clone();
            for (int n = random.nextInt(1, 9); n > 0; n--) {
                mutated[random.nextInt(headerBytes)] = (byte) random.nextInt();
            }
            check("random mutation " + i, mutated, mutated.length);
        }
        return this;
    }

    int accepted() {
        return accepted;
    }

    int refused() {
        return refused;
    }

    private void check(String mutation, byte[] bytes, int length) throws Exception {
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            channel.write(ByteBuffer.wrap(bytes, 0, length));
        }
        try {
            reader.read(file);
            accepted++;
        } catch (ModelFormatException e) {
            refused++;
            String message = String.valueOf(e.getMessage());
            if (!message.startsWith(file + ": ") || message.contains("\n")) {
                throw new AssertionError(mutation + ": not one sentence that names the file: " + message, e);
            }
        } catch (Exception | Error e) {
            throw new AssertionError(mutation + ": " + e, e);
        }
    }
}
