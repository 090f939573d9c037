package bita.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * Which row of a stored matrix each row of a packed one comes from: a part of a fused matrix, another order of rows, or all
 * rows as they are.
 */
public final class RowMap {
    private final int storedRows;
    private final int rows;

    /** i32 (rows), off-heap for native kernels; {@link MemorySegment#NULL} if all rows are taken in order. */
    private final MemorySegment sources;

    private RowMap(int storedRows, int rows, MemorySegment sources) {
        this.storedRows = storedRows;
        this.rows = rows;
        this.sources = sources;
    }

    /** All rows of a stored matrix in its order. */
    public static RowMap identity(int rows) {
        return new RowMap(rows, rows, MemorySegment.NULL);
    }

    /**
     * Some rows of a stored matrix, in any order.
     *
     * @param storedRows rows of the stored matrix
     * @param sources    for each row of the packed matrix the stored row
     * @throws IndexOutOfBoundsException if there is no such row
     */
    public static RowMap of(int storedRows, int... sources) {
        MemorySegment map = Arena.ofAuto().allocate(ValueLayout.JAVA_INT, sources.length);
        for (int row = 0; row < sources.length; row++) {
            map.setAtIndex(ValueLayout.JAVA_INT, row, Objects.checkIndex(sources[row], storedRows));
        }
        return new RowMap(storedRows, sources.length, map);
    }

    /** Rows of the stored matrix. */
    public int storedRows() {
        return storedRows;
    }

    /** Rows of the packed matrix. */
    public int rows() {
        return rows;
    }

    /** The stored row that a row of the packed matrix comes from. */
    public int source(int row) {
        Objects.checkIndex(row, rows);
        return sources.equals(MemorySegment.NULL) ? row : sources.getAtIndex(ValueLayout.JAVA_INT, row);
    }

    MemorySegment sources() {
        return sources;
    }
}
