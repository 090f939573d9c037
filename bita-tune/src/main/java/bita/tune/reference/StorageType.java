package bita.tune.reference;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/** PyTorch's typed storages, by the name of their class in the module {@code torch}. */
enum StorageType {
    DOUBLE("DoubleStorage", 8) {
        @Override
        float next(ByteBuffer bytes) {
            return (float) bytes.getDouble();
        }
    },
    FLOAT("FloatStorage", 4) {
        @Override
        float next(ByteBuffer bytes) {
            return bytes.getFloat();
        }
    },
    HALF("HalfStorage", 2) {
        @Override
        float next(ByteBuffer bytes) {
            return Float.float16ToFloat(bytes.getShort());
        }
    },
    BFLOAT16("BFloat16Storage", 2) {
        @Override
        float next(ByteBuffer bytes) {
            return Float.intBitsToFloat(bytes.getShort() << 16);
        }
    },
    LONG("LongStorage", 8),
    INT("IntStorage", 4),
    SHORT("ShortStorage", 2),
    CHAR("CharStorage", 1),
    BYTE("ByteStorage", 1),
    BOOL("BoolStorage", 1),
    COMPLEX_FLOAT("ComplexFloatStorage", 8),
    COMPLEX_DOUBLE("ComplexDoubleStorage", 16);

    private final String className;
    private final int elementBytes;

    StorageType(String className, int elementBytes) {
        this.className = className;
        this.elementBytes = elementBytes;
    }

    static Optional<StorageType> of(String className) {
        return Arrays.stream(values())
                .filter(type -> type.className.equals(className))
                .findFirst();
    }

    String className() {
        return className;
    }

    int elementBytes() {
        return elementBytes;
    }

    boolean floatingPoint() {
        return switch (this) {
            case DOUBLE, FLOAT, HALF, BFLOAT16 -> true;
            case LONG, INT, SHORT, CHAR, BYTE, BOOL, COMPLEX_FLOAT, COMPLEX_DOUBLE -> false;
        };
    }

    /** Takes the next element of a floating-point type, in the buffer's byte order. */
    float next(ByteBuffer bytes) {
        throw new UnsupportedOperationException(className + " does not hold floating-point numbers");
    }
}
