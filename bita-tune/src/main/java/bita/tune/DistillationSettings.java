package bita.tune;

import bita.decode.BatchSettings;
import bita.decode.SamplingSettings;
import bita.kernels.CacheFormat;
import bita.model.KvCache;
import bita.model.ModelConfig;
import com.sun.management.OperatingSystemMXBean;
import java.io.Serializable;
import java.lang.management.ManagementFactory;

/**
 * How a model answers questions for tuning.
 *
 * @param maxTokens   most tokens of an answer; what is cut off is kept
 * @param temperature of the answers, 0 for greedy ones
 * @param seed        of the questions that the model asks itself, and of sampled answers
 * @param sequences   questions and answers in the making at a time; it changes the speed, not the text
 */
public record DistillationSettings(int maxTokens, double temperature, long seed, int sequences)
        implements Serializable {
    /** Most tokens of an answer unless asked otherwise. */
    public static final int MAX_TOKENS = 320;

    /** Most sequences by default: with more, waiting for memory no longer dominates a step. */
    private static final int MOST_SEQUENCES = 64;

    /** Tokens of a prompt that memory is set aside for; longer ones are as welcome. */
    private static final int PROMPT_TOKENS = 256;

    /** The caches may take one part of so many of the machine's memory. */
    private static final int MEMORY_SHARE = 4;

    public DistillationSettings {
        if (maxTokens < 1) {
            throw new IllegalArgumentException("an answer has at least one token, not " + maxTokens);
        }
        if (sequences < 1 || sequences > BatchSettings.MOST_SEQUENCES) {
            throw new IllegalArgumentException(
                    "a batch has 1 to " + BatchSettings.MOST_SEQUENCES + " sequences at a time, not " + sequences);
        }
        SamplingSettings _ = sampling(temperature, seed);
    }

    /** How answers are sampled. */
    public SamplingSettings answering() {
        return sampling(temperature, seed);
    }

    private static SamplingSettings sampling(double temperature, long seed) {
        return new SamplingSettings(temperature, 0, 1, 0, seed);
    }

    /** As many sequences as make sense, and as have room for their keys and values in a quarter of the memory. */
    public static int automaticSequences(ModelConfig config, int maxTokens) {
        long memory =
                ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
        int tokens = (int) Math.min((long) PROMPT_TOKENS + maxTokens, config.contextLength());
        long room = memory / MEMORY_SHARE / KvCache.bytes(config, CacheFormat.F16, tokens);
        return Math.clamp(room, 1, MOST_SEQUENCES);
    }
}
