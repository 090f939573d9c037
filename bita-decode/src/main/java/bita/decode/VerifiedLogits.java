package bita.decode;

import java.lang.foreign.MemorySegment;

/** Sees the logits behind every decided token, in order: what exactness is measured on. */
@FunctionalInterface
public interface VerifiedLogits {
    /** Looks at nothing. */
    VerifiedLogits IGNORE = (position, logits) -> {};

    /**
     * Called for each decided token, before the next one is decided.
     *
     * @param position of the token whose row gave the logits; the decided token is the next one
     * @param logits   f32 (vocabulary), valid during the call
     */
    void accept(int position, MemorySegment logits);
}
