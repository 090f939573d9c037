package bita.model.file;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** Damages a sound file in many ways and gives each version to a reader. */
final class Mutations {
    /** Reads the file and all that can be asked of it. */
    interface Reader {
        void read(MappedFile file) throws Exception;
    }

    private final byte[] sound;
    private final int headerBytes;
    private final Path name = Path.of("mutated");
    private final Reader reader;
    private int accepted;
    private int refused;

    Mutations(byte[] sound, int headerBytes, Reader reader) {
        this.sound = sound;
        this.headerBytes = headerBytes;
        this.reader = reader;
    }

    /** Every length from 1 to that of the sound file, exclusive. */
    Mutations truncate() throws Exception {
        for (int length = 1; length < sound.length; length++) {
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
        MemorySegment memory = MemorySegment.ofArray(Arrays.copyOf(bytes, length));
        try {
            reader.read(new MappedFile(name, memory, Arena.global()));
            accepted++;
        } catch (ModelFormatException e) {
            refused++;
            String message = String.valueOf(e.getMessage());
            if (!message.startsWith(name + ": ") || message.contains("\n")) {
                throw new AssertionError(mutation + ": not one sentence that names the file: " + message, e);
            }
        } catch (Exception | Error e) {
            throw new AssertionError(mutation + ": " + e, e);
        }
    }
}
