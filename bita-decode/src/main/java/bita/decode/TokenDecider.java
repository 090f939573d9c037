package bita.decode;

import bita.kernels.Kernels;
import bita.model.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Decides tokens from logits. All decoding goes through here, so that how many sequences a pass has, and who drafts, can
 * make no difference. Owns scratch memory and belongs to one thread.
 */
final class TokenDecider {
    private final Kernels kernels;
    private final int vocabulary;
    private final Sampler sampler = new Sampler(SamplingSettings.greedy());
    private MemorySegment processed = MemorySegment.NULL; // f32 (vocabulary), if ever needed

    TokenDecider(Engine engine) {
        kernels = engine.kernels();
        vocabulary = engine.model().config().vocabulary();
    }

    /**
     * The token that follows a row.
     *
     * @param logits   of the row, f32 (vocabulary)
     * @param position of the row
     * @param choice   index, from 0, among the answers to one prompt
     * @throws NotANumberException if the logits are not numbers
     */
    int decide(MemorySegment logits, int position, SamplingSettings sampling, int choice, LogitsProcessor processor) {
        MemorySegment own = processor.equals(LogitsProcessor.NONE) ? logits : process(logits, processor);
        if (!sampling.isGreedy()) {
            sampler.use(sampling);
            return sampler.sample(own, vocabulary, position, choice);
        }
        int token = kernels.argmax(own, vocabulary);
        if (token < 0) {
            throw NotANumberException.nan(position);
        }
        return token;
    }

    /** Draft sources learn from the model's logits as they are: a copy is changed. */
    private MemorySegment process(MemorySegment logits, LogitsProcessor processor) {
        if (processed.byteSize() == 0) {
            processed = Arena.ofAuto().allocate((long) vocabulary * Float.BYTES, 64);
        }
        MemorySegment.copy(logits, 0, processed, 0, processed.byteSize());
        processor.process(processed);
        return processed;
    }
}
