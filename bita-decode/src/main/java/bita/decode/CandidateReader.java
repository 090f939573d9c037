package bita.decode;

import bita.kernels.Kernels;
import bita.kernels.ScalarMath;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Turns the logits of one mask group into {@link MaskCandidates}. */
public final class CandidateReader {
    private final Kernels kernels;
    private final ThreadTeam team;
    private final int vocabulary;
    private final int count;
    private final Calibration calibration;
    private final TopTokens[] tops; // one for each thread

    /**
     * Reads up to {@link Calibration#RANKS} candidates of each mask.
     *
     * @param calibration corrects the probabilities
     */
    public CandidateReader(Engine engine, Calibration calibration) {
        this.calibration = calibration;
        kernels = engine.kernels();
        team = engine.team();
        vocabulary = engine.model().config().vocabulary();
        count = Math.min(Calibration.RANKS, vocabulary);
        tops = new TopTokens[team.threads()];
        Arrays.setAll(tops, _ -> new TopTokens(kernels, vocabulary, count));
    }

    /**
     * Reads a group.
     *
     * @param logits f32 (masks, vocabulary)
     */
    public MaskCandidates read(MemorySegment logits, int masks) {
        int[][] tokens = new int[masks][count];
        float[][] probabilities = new float[masks][count];
        team.run(member -> {
            for (int mask = member.index(); mask < masks; mask += team.threads()) {
                long rowBytes = (long) vocabulary * Float.BYTES;
                MemorySegment row = logits.asSlice(mask * rowBytes, rowBytes);
                if (!readRow(mask, row, tops[member.index()], tokens[mask], probabilities[mask])) {
                    tokens[mask] = new int[0];
                    probabilities[mask] = new float[0];
                }
            }
        });
        return MaskCandidates.of(tokens, probabilities);
    }

    /** Fills in the most likely tokens and their probabilities; false unless all logits are finite. */
    private boolean readRow(int mask, MemorySegment row, TopTokens top, int[] tokens, float[] probabilities) {
        if (!top.read(row)) {
            return false;
        }
        // In a kernel, since the vocabulary is long, and the program's short runs do without Java's second compiler.
        float sum = kernels.exponentialSum(row, vocabulary, top.logit(0));
        float before = 1;
        for (int i = 0; i < count; i++) {
            tokens[i] = top.token(i);
            // Where two logits are neighbours, the exponential of the lower one may be the higher by a last bit.
            before = Math.min(before, ScalarMath.exp(top.logit(i) - top.logit(0)) / sum);
            probabilities[i] = calibration.probability(mask, before);
        }
        return true;
    }
}
