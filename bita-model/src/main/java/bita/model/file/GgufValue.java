package bita.model.file;

import java.nio.ByteBuffer;
import java.util.OptionalLong;

/**
 * A metadata value as it lies in the file.
 *
 * @param type the type
 * @param bytes from index 0, little endian, read only by absolute index: a number; a string's u64 length and its UTF-8;
 *     or an array's u32 element type, u64 element count and its elements. The structure has been checked.
 */
record GgufValue(GgufType type, ByteBuffer bytes) {
    /** Where an array's elements start. */
    static final int ELEMENTS = GgufType.ARRAY.bytes();

    boolean arrayOf(GgufType element) {
        return type == GgufType.ARRAY && elementType() == element;
    }

    boolean arrayOfIntegers() {
        return type == GgufType.ARRAY && elementType().integer();
    }

    GgufType elementType() {
        return GgufType.byId(bytes.getInt(0)).orElseThrow();
    }

    /** Number of elements of an array, which fits because every element has bytes in the buffer. */
    int elementCount() {
        return (int) bytes.getLong(Integer.BYTES);
    }

    /** The integer of a type at an index; empty if it is unsigned and larger than a long holds. */
    OptionalLong integerAt(int index, GgufType integer) {
        long value = switch (integer) {
            case UINT8 -> Byte.toUnsignedLong(bytes.get(index));
            case INT8 -> bytes.get(index);
            case UINT16 -> Short.toUnsignedLong(bytes.getShort(index));
            case INT16 -> bytes.getShort(index);
            case UINT32 -> Integer.toUnsignedLong(bytes.getInt(index));
            case INT32 -> bytes.getInt(index);
            case UINT64, INT64 -> bytes.getLong(index);
            case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> throw new IllegalArgumentException(integer.name());
        };
        return integer == GgufType.UINT64 && value < 0 ? OptionalLong.empty() : OptionalLong.of(value);
    }

    @Override
    public String toString() {
        return type == GgufType.ARRAY ? "array of " + elementCount() + " " + elementType() : type.toString();
    }
}
