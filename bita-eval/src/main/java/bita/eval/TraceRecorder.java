package bita.eval;

import bita.decode.VerifiedLogits;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Hashes the logits behind every decided token. */
final class TraceRecorder implements VerifiedLogits {
    private final List<Trace.Verified> verified = new ArrayList<>();

    @Override
    public void accept(int position, MemorySegment logits) {
        verified.add(new Trace.Verified(position, LogitsHash.of(logits)));
    }

    /** The trace of an answer with these tokens. */
    Trace trace(List<Integer> tokens) {
        return new Trace(verified, tokens);
    }
}
