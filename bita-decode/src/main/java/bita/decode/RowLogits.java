package bita.decode;

import bita.kernels.Kernels;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Rows of logits as sources of drafts learn from them: by their likeliest tokens. Not thread-safe; the team works on it. */
final class RowLogits {
    private final Kernels kernels;
    private final ThreadTeam team;
    private final int vocabulary;
    private final int ranks;
    private final TopTokens[] tops; // one for each thread
    private MemorySegment logits = MemorySegment.NULL; // f32 (rows, vocabulary)

    RowLogits(Engine engine) {
        kernels = engine.kernels();
        team = engine.team();
        vocabulary = engine.model().config().vocabulary();
        ranks = TokenRecycling.ranks(vocabulary);
        tops = new TopTokens[team.threads()];
        Arrays.setAll(tops, _ -> new TopTokens(kernels, vocabulary, ranks));
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
     * @param top where to put them, (rows, {@link TokenRecycling#ranks}), the likeliest first; -1 for the first of a row
     *     whose logits are not all finite
     */
    void top(int rows, int[] top) {
        team.run(member -> {
            TopTokens reader = tops[member.index()];
            for (int row = member.index(); row < rows; row += team.threads()) {
                if (reader.read(row(row))) {
                    for (int rank = 0; rank < ranks; rank++) {
                        top[row * ranks + rank] = reader.token(rank);
                    }
                } else {
                    top[row * ranks] = -1;
                }
            }
        });
    }
}
