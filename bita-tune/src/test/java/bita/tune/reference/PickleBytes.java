package bita.tune.reference;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Assembles pickles, also such as PyTorch would not write. */
final class PickleBytes {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    static PickleBytes protocol(int protocol) {
        return new PickleBytes().op(0x80, protocol);
    }

    PickleBytes op(int... values) {
        for (int value : values) {
            bytes.write(value);
        }
        return this;
    }

    PickleBytes op(char opcode) {
        return op((int) opcode);
    }

    PickleBytes raw(String text) {
        bytes.writeBytes(text.getBytes(StandardCharsets.UTF_8));
        return this;
    }

    PickleBytes int32(int value) {
        bytes.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array());
        return this;
    }

    PickleBytes int64(long value) {
        bytes.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array());
        return this;
    }

    PickleBytes text(String text) {
        return op('X').int32(text.getBytes(StandardCharsets.UTF_8).length).raw(text);
    }

    PickleBytes global(String module, String name) {
        return op('c').raw(module + "\n" + name + "\n");
    }

    PickleBytes number(long value) {
        return op(0x8a, 8).int64(value);
    }

    PickleBytes tuple(long... values) {
        op('(');
        for (long value : values) {
            number(value);
        }
        return op('t');
    }

    PickleBytes storage(String type, String key, long elements) {
        return op('(').text("storage")
                .global("torch", type)
                .text(key)
                .text("cpu")
                .number(elements)
                .op('t')
                .op('Q');
    }

    /** A tensor on a storage of 100 floats. */
    PickleBytes tensor(long offset, long[] sizes, long[] strides) {
        return global("torch._utils", "_rebuild_tensor_v2")
                .op('(')
                .storage("FloatStorage", "0", 100)
                .number(offset)
                .tuple(sizes)
                .tuple(strides)
                .op(0x89)
                .global("collections", "OrderedDict")
                .op(')')
                .op('R')
                .op('t')
                .op('R');
    }

    byte[] stop() {
        return op('.').bytes.toByteArray();
    }
}
