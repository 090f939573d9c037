package bita.tune.train;

import bita.decode.Calibration;
import bita.decode.CandidateReader;
import bita.kernels.CacheFormat;
import bita.model.Engine;
import bita.model.ForwardPass;
import bita.model.KvCache;
import bita.model.MaskTokens;
import bita.model.Rows;
import bita.tune.data.Example;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;

/**
 * Counts how often masks are right, in the passes of decoding: behind each token of an answer stands a mask group, and
 * the answer says what should have been proposed.
 */
public final class MaskCalibration {
    /** As many anchors as make a calibration. */
    public static final int ANCHORS = 4000;

    /** Tokens of an answer that go through the model together, each with its group. */
    private static final int CHUNK = 32;

    private MaskCalibration() {}

    /**
     * Counts on examples until there are enough anchors.
     *
     * @param engine     with the tuned adapter
     * @param mostTokens an example is cut behind so many tokens
     * @param anchors    about as many
     * @param progress   told the number of anchors so far
     * @param stopped    asked between passes
     * @return {@link Calibration#none()} if no example has an anchor; empty if stopped
     */
    public static Optional<Calibration> measure(
            Engine engine,
            List<Example> examples,
            int mostTokens,
            int anchors,
            IntConsumer progress,
            BooleanSupplier stopped) {
        int masks = engine.maskTokens()
                .map(MaskTokens::masks)
                .orElseThrow(() -> new IllegalArgumentException("the engine has no adapter to calibrate"));
        Calibration.Counter counter = new Calibration.Counter(masks);
        CandidateReader reader = new CandidateReader(engine, Calibration.none());
        long rowBytes = (long) engine.model().config().vocabulary() * Float.BYTES;
        Rows rows = new Rows();
        int counted = 0;
        try (ForwardPass pass = new ForwardPass(engine, CHUNK * (1 + masks));
                KvCache cache = new KvCache(engine.model().config(), CacheFormat.F16)) {
            for (Example example : examples) {
                int length = Math.min(example.promptLength() + example.answerLength(), mostTokens);
                int last = length - 3; // its first mask proposes the last token
                if (counted >= anchors || last < example.promptLength() - 1) {
                    continue;
                }
                cache.truncate(0);
                for (int from = 0; from <= last; from += CHUNK) {
                    if (stopped.getAsBoolean()) {
                        return Optional.empty();
                    }
                    int count = Math.min(CHUNK, last + 1 - from);
                    int firstAnchor = Math.max(from, example.promptLength() - 1);
                    int groups = Math.max(0, from + count - firstAnchor);
                    read(pass, cache, rows, example, from, count, groups, masks);
                    if (groups > 0) {
                        MemorySegment logits = pass.logits(range(count, groups * masks), groups * masks);
                        for (int group = 0; group < groups; group++) {
                            int next = firstAnchor + group + 2;
                            int[] truth = new int[Math.min(masks, length - next)];
                            Arrays.setAll(truth, mask -> example.tokenId(next + mask));
                            long at = (long) group * masks * rowBytes;
                            counter.count(reader.read(logits.asSlice(at, masks * rowBytes), masks), truth);
                        }
                        counted += groups;
                        progress.accept(counted);
                    }
                    cache.accept(range(0, count), count);
                }
            }
        }
        return Optional.of(counted == 0 ? Calibration.none() : counter.result());
    }

    /** Runs tokens, and mask groups behind the last of them. */
    private static void read(
            ForwardPass pass, KvCache cache, Rows rows, Example example, int from, int count, int groups, int masks) {
        rows.clear();
        for (int i = 0; i < count; i++) {
            rows.addToken(example.tokenId(from + i), i - 1);
        }
        for (int group = 0; group < groups; group++) {
            int parent = count - groups + group;
            for (int mask = 0; mask < masks; mask++) {
                parent = rows.addMask(mask, parent);
            }
        }
        pass.run(cache, rows);
    }

    private static int[] range(int from, int count) {
        int[] range = new int[count];
        Arrays.setAll(range, i -> from + i);
        return range;
    }
}
