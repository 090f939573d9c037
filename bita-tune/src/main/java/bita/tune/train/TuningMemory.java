package bita.tune.train;

import bita.api.InsufficientMemoryException;
import bita.api.MachineMemory;
import bita.kernels.CacheFormat;
import bita.model.ForwardPass;
import bita.model.KvCache;
import bita.model.LearnedTokens;
import bita.model.MaskTraining;
import bita.model.MemoryNeed;
import bita.model.ModelConfig;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * Bytes of memory that tuning takes at most, known before anything is loaded. Pages of the model file, which the system
 * takes back when it needs them, are not counted.
 *
 * @param weights     the packed weights
 * @param activations of a window, which the backward pass needs, with gradients, logits and scratch
 * @param cache       keys and values of the longest answer with its prompt and the masks behind it, in f32
 * @param learned     the learned tokens, their gradients and the optimizer's two means
 * @param frozen      the pass of the real tokens
 * @param java        the answers and everything else: vocabulary, checkpoints on their way to the file, the virtual
 *                    machine
 */
public record TuningMemory(long weights, long activations, long cache, long learned, long frozen, long java) {
    /** Tokens, the best of them, a group's gradient and a step's, mean and square. */
    private static final int LEARNED_COPIES = 6;

    /**
     * What a run needs.
     *
     * @param threads     that work side by side
     * @param weightBytes of the packed weights
     * @param answerBytes of the file of answers, of which the tokens are held; 0 if there is none
     */
    public static TuningMemory of(
            ModelConfig config, TrainingSettings settings, int threads, long weightBytes, long answerBytes) {
        int slots = KvCache.mostSlots(settings.mostPositions());
        return new TuningMemory(
                weightBytes,
                MaskTraining.bytes(
                        config,
                        settings.prompts(),
                        settings.masks(),
                        settings.rank(),
                        settings.window(),
                        slots,
                        threads),
                KvCache.bytes(config, CacheFormat.F32, slots),
                LEARNED_COPIES * LearnedTokens.bytes(config, settings.prompts(), settings.masks(), settings.rank()),
                ForwardPass.bytes(config, settings.mostTokens(), settings.mostTeachers(), slots, threads),
                MemoryNeed.WORKING_BYTES + answerBytes);
    }

    /** All together. */
    public long total() {
        return parts().values().stream().mapToLong(Long::longValue).sum();
    }

    /** Bytes of each part by its name. */
    public SequencedMap<String, Long> parts() {
        SequencedMap<String, Long> parts = new LinkedHashMap<>();
        parts.put("weights", weights);
        parts.put("activations", activations);
        parts.put("keys and values", cache);
        parts.put("learned tokens", learned);
        parts.put("frozen pass", frozen);
        parts.put("everything else", java);
        return parts;
    }

    /**
     * Refuses what can never fit, however little else runs.
     *
     * @throws InsufficientMemoryException if the machine has less memory; it says which part is large and what to lower
     */
    public void require() {
        require(MachineMemory.now().totalBytes());
    }

    void require(long machineBytes) {
        if (total() > machineBytes) {
            throw InsufficientMemoryException.of("tuning this model", parts(), machineBytes, remedy(machineBytes));
        }
    }

    private String remedy(long machineBytes) {
        if (weights + java > machineBytes) {
            return "the weights alone are too large, so use a smaller model, or one in a smaller number format";
        }
        long largest = Math.max(Math.max(activations, cache), Math.max(learned, frozen));
        if (largest == activations) {
            return "the activations of a window are the part to make smaller, so lower --window or --masks";
        }
        return largest == learned
                ? "the learned tokens are the part to make smaller, so lower --prompt-tokens"
                : "what answers take is the part to make smaller, so lower --max-tokens";
    }
}
