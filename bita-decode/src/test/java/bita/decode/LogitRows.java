package bita.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.TinyModel;
import bita.model.Transformer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;

/** Made-up logits, in the vocabulary of {@link TinyModel}. */
final class LogitRows implements AutoCloseable {
    private final Transformer model;
    private final ThreadTeam team;
    private final RowLogits logits;

    LogitRows(Path folder) {
        model = TinyModel.load(folder, NumberFormat.Q4_1, 11);
        team = new ThreadTeam(2);
        logits = new RowLogits(new Engine(model, KernelsProvider.best().kernels(), team, Optional.empty()));
    }

    static float[] random(Random random) {
        float[] row = new float[TinyModel.VOCABULARY];
        for (int i = 0; i < row.length; i++) {
            row[i] = random.nextInt(40); // with ties
        }
        return row;
    }

    /** Logits of which {@code token} has the largest. */
    static float[] of(int token) {
        float[] row = new float[TinyModel.VOCABULARY];
        row[token] = 1;
        return row;
    }

    RowLogits of(float[]... rows) {
        MemorySegment memory = Arena.ofAuto().allocate((long) rows.length * TinyModel.VOCABULARY * Float.BYTES, 64);
        for (int row = 0; row < rows.length; row++) {
            MemorySegment.copy(
                    rows[row],
                    0,
                    memory,
                    JAVA_FLOAT,
                    (long) row * TinyModel.VOCABULARY * Float.BYTES,
                    TinyModel.VOCABULARY);
        }
        logits.use(memory);
        return logits;
    }

    @Override
    public void close() {
        team.close();
        model.close();
    }
}
