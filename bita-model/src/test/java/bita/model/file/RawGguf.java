package bita.model.file;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes GGUF field by field, so that a test can put anything anywhere. */
final class RawGguf {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    static RawGguf header(int version, long tensors, long entries) {
        return new RawGguf()
                .int32(GgufParser.MAGIC)
                .int32(version)
                .int64(tensors)
                .int64(entries);
    }

    RawGguf int32(int value) {
        bytes.writeBytes(little(Integer.BYTES).putInt(value).array());
        return this;
    }

    RawGguf int64(long value) {
        bytes.writeBytes(little(Long.BYTES).putLong(value).array());
        return this;
    }

    RawGguf raw(int... values) {
        for (int value : values) {
            bytes.write(value);
        }
        return this;
    }

    RawGguf string(String value) {
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        int64(text.length);
        bytes.writeBytes(text);
        return this;
    }

    RawGguf uint32Entry(String key, int value) {
        return string(key).int32(GgufType.UINT32.id()).int32(value);
    }

    /** A tensor; dimensions in the order of the file, innermost first. */
    RawGguf tensor(String name, int type, long offset, long... dimensions) {
        string(name).int32(dimensions.length);
        for (long dimension : dimensions) {
            int64(dimension);
        }
        return int32(type).int64(offset);
    }

    RawGguf padTo(int alignment) {
        while (bytes.size() % alignment != 0) {
            bytes.write(0);
        }
        return this;
    }

    RawGguf zeros(int count) {
        bytes.writeBytes(new byte[count]);
        return this;
    }

    byte[] bytes() {
        return bytes.toByteArray();
    }

    Path writeTo(Path folder) throws IOException {
        return Files.write(folder.resolve("raw.gguf"), bytes());
    }

    private static ByteBuffer little(int capacity) {
        return ByteBuffer.allocate(capacity).order(ByteOrder.LITTLE_ENDIAN);
    }
}
