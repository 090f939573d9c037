package bita.model;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Cosines and sines of a {@link Rotary} embedding, made when a position is first used. Computed in double by StrictMath and
 * rounded once, so that they are the same on every machine. Pairs that are not rotated have the angle zero.
 */
final class RotaryTable {
    private final int headDim;
    private final double[] frequencies; // (headDim / 2)
    private final double[] magnitudes; // (headDim / 2)
    private final ConcurrentHashMap<Integer, float[]> rows = new ConcurrentHashMap<>();

    RotaryTable(int headDim, Rotary rotary) {
        this.headDim = headDim;
        frequencies = new double[headDim / 2];
        magnitudes = new double[headDim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            boolean rotated = i < rotary.frequencies().size();
            frequencies[i] = rotated ? rotary.frequencies().get(i) : 0;
            magnitudes[i] = rotated ? rotary.magnitude() : 1;
        }
    }

    /** Writes cosine and sine of a position, f32 (headDim / 2, 2), as row {@code row} of {@code target}. */
    void copy(int position, MemorySegment target, int row) {
        float[] values = rows.computeIfAbsent(position, this::compute);
        MemorySegment.copy(values, 0, target, ValueLayout.JAVA_FLOAT, (long) row * headDim * Float.BYTES, headDim);
    }

    private float[] compute(int position) {
        float[] row = new float[headDim];
        for (int i = 0; i < frequencies.length; i++) {
            double angle = position * frequencies[i];
            row[2 * i] = (float) (StrictMath.cos(angle) * magnitudes[i]);
            row[2 * i + 1] = (float) (StrictMath.sin(angle) * magnitudes[i]);
        }
        return row;
    }
}
