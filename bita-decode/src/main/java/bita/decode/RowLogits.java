package bita.decode;

import bita.kernels.Kernels;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import java.lang.foreign.MemorySegment;

/** Rows of logits as sources of drafts learn from them: by their likeliest tokens. Not thread-safe; the team works on it. */
final class RowLogits {
    private final Kernels kernels;
    private final ThreadTeam team;
    private final int vocabulary;
    private final int[][] tokens; // one for each thread, as long as was asked for last; and so below
    private final float[][] values;
    private MemorySegment logits = MemorySegment.NULL; // f32 (rows, vocabulary)

    RowLogits(Engine engine) {
        kernels = engine.kernels();
        team = engine.team();
        vocabulary = engine.model().config().vocabulary();
        tokens = new int[team.threads()][0];
        values = new float[team.threads()][0];
    }

    int vocabulary() {
        return vocabulary;
    }

    /**
     * Looks at these rows from now on.
     *
     * @param rows f32 (rows, vocabulary)
     */
    void use(MemorySegment rows) {
        logits = rows;
    }

    private MemorySegment row(int row) {
        long bytes = (long) vocabulary * Float.BYTES;
        return logits.asSlice(row * bytes, bytes);
    }

    /**
     * The likeliest token of some rows, the lower one on a tie.
     *
     * @param best where to put them; -1 for a row with NaN
     */
    void best(int firstRow, int rows, int[] best) {
        team.run(member -> {
            for (int row = member.index(); row < rows; row += team.threads()) {
                best[row] = kernels.argmax(row(firstRow + row), vocabulary);
            }
        });
    }

    /**
     * The likeliest tokens of the first rows, the lower ones on a tie.
     *
     * @param count tokens of each row, no more than the vocabulary
     * @param top   where to put them, (rows, count), the likeliest first; -1 for the first of a row whose logits are not all
     *     finite
     */
    void top(int rows, int count, int[] top) {
        team.run(member -> {
            int index = member.index();
            if (tokens[index].length != count) {
                tokens[index] = new int[count];
                values[index] = new float[count];
            }
            for (int row = index; row < rows; row += team.threads()) {
                if (TopTokens.read(row(row), vocabulary, tokens[index], values[index])) {
                    System.arraycopy(tokens[index], 0, top, row * count, count);
                } else {
                    top[row * count] = -1;
                }
            }
        });
    }
}
