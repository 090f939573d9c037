package bita.model.file;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The types of GGUF metadata values, with their ids in the file. */
enum GgufType {
    UINT8(0, 1),
    INT8(1, 1),
    UINT16(2, 2),
    INT16(3, 2),
    UINT32(4, 4),
    INT32(5, 4),
    FLOAT32(6, 4),
    BOOL(7, 1),
    STRING(8, 8),
    ARRAY(9, 12),
    UINT64(10, 8),
    INT64(11, 8),
    FLOAT64(12, 8);

    private static final Map<Integer, GgufType> BY_ID = new HashMap<>();

    static {
        for (GgufType type : values()) {
            BY_ID.put(type.id, type);
        }
    }

    private final int id;
    private final int bytes;

    GgufType(int id, int bytes) {
        this.id = id;
        this.bytes = bytes;
    }

    static Optional<GgufType> byId(int id) {
        return Optional.ofNullable(BY_ID.get(id));
    }

    int id() {
        return id;
    }

    /** Bytes of a value; for strings and arrays, which have more, the bytes of an empty one. */
    int bytes() {
        return bytes;
    }

    boolean integer() {
        return switch (this) {
            case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 -> true;
            case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> false;
        };
    }
}
