package bita.eval.bench;

import bita.api.InsufficientMemoryException;
import bita.kernels.AttentionShape;
import bita.kernels.Layout;
import bita.model.KvCache;
import bita.model.ModelConfig;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * Bytes that a bench takes outside of Java's heap, known before any of it is allocated: memory that the machine does not
 * have is refused by the system late, by ending the process.
 *
 * @param weights packed weights, and the token embedding of random ones
 * @param cache   keys and values of the longest context
 * @param scratch activations, attention and logits, roughly
 */
record MemoryNeed(long weights, long cache, long scratch) {
    /** Share of the machine's memory that a bench may take: system, Java and page tables want the rest. */
    private static final double SHARE = 0.9;

    /** An activation in f32 and as a code, once in a pass and once in the products alone. */
    private static final int ACTIVATION_BYTES = 10;

    /**
     * What a bench needs.
     *
     * @param weights  bytes of the weights
     * @param context  tokens in the cache at most
     * @param passRows rows of a pass at most, prefill included
     */
    static MemoryNeed of(long weights, ModelConfig config, BenchOptions options, int context, int passRows) {
        int slots = Math.ceilDiv(context + passRows, Layout.LANES) * Layout.LANES;
        long queries = (long) config.heads() * config.headDim();
        long keys = (long) config.kvHeads() * config.headDim();
        long perRow = ACTIVATION_BYTES * 2 * (config.hidden() + queries + keys + config.feedForward());
        AttentionShape shape = new AttentionShape(config.heads(), config.kvHeads(), config.headDim(), 1);
        long attention = options.threads() * shape.scratchFloats(slots, 0) * Float.BYTES;
        long logits =
                2L * options.rows().getLast() * config.vocabulary() * Float.BYTES; // a pass's, and the products' output
        return new MemoryNeed(
                weights, KvCache.bytes(config, options.cacheFormat(), slots), passRows * perRow + attention + logits);
    }

    long total() {
        return weights + cache + scratch;
    }

    /**
     * Checks that there is enough memory.
     *
     * @param physical bytes of memory that the machine has
     * @throws InsufficientMemoryException if not
     */
    void require(long physical) {
        if (total() > SHARE * physical) {
            SequencedMap<String, Long> parts = new LinkedHashMap<>();
            parts.put("weights", weights);
            parts.put("KV cache", cache);
            parts.put("scratch", scratch);
            throw InsufficientMemoryException.of(
                    "this bench",
                    parts,
                    physical,
                    "choose a smaller model or --format, shorter --contexts or fewer --rows");
        }
    }
}
