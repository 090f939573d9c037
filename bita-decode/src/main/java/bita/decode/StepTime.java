package bita.decode;

/**
 * Where the time of a step went, in nanoseconds. Of a pass that several sequences share each has an equal part of what did
 * not go into reading prompts; steps that read a prompt do not tell.
 *
 * @param draft   finding candidates, and shaping tree and rows
 * @param forward the passes through layers and output head
 * @param verify  deciding tokens, keeping the accepted rows in the cache, and reading the masks' candidates
 */
public record StepTime(long draft, long forward, long verify) {
    /** Of steps that do not tell. */
    public static final StepTime UNKNOWN = new StepTime(0, 0, 0);

    /** All of it. */
    long total() {
        return draft + forward + verify;
    }

    /** Both together. */
    public StepTime plus(StepTime other) {
        return new StepTime(draft + other.draft, forward + other.forward, verify + other.verify);
    }

    /** A part of it. */
    StepTime times(double part) {
        return new StepTime(Math.round(part * draft), Math.round(part * forward), Math.round(part * verify));
    }

    /** Splits the time of a step, phase after phase. */
    static final class Clock {
        private long draft;
        private long forward;
        private long verify;
        private long last = System.nanoTime();

        /** What went by since the last call was drafting. */
        void drafted() {
            draft += lap();
        }

        /** What went by since the last call was the forward pass. */
        void forwarded() {
            forward += lap();
        }

        /** What went by since the last call was verification. */
        void verified() {
            verify += lap();
        }

        private long lap() {
            long now = System.nanoTime();
            long nanos = now - last;
            last = now;
            return nanos;
        }

        StepTime time() {
            return new StepTime(draft, forward, verify);
        }
    }
}
