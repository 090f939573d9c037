package bita.model;

import java.util.Optional;

/**
 * How a model knows positions.
 *
 * @param learned whether a learned vector for each position is added to the embeddings
 * @param rotary  of the layers that see all positions; {@link Rotary#NONE} where positions are learned
 * @param windows of the layers that see the last positions only
 */
public record Positions(boolean learned, Rotary rotary, Optional<Windows> windows) {
    /**
     * Layers that see the last positions only.
     *
     * @param size   how many, the row's own included
     * @param period each layer whose number, from 1, is a multiple of this sees all positions; 0 if none does
     * @param rotary of the layers with windows; it rotates as many numbers as that of the others
     */
    public record Windows(int size, int period, Rotary rotary) {
        public Windows {
            if (size < 1 || period < 0) {
                throw new IllegalArgumentException(
                        "windows of " + size + " positions in all but each layer of " + period + " make no sense");
            }
        }

        /** Whether a layer, counted from 0, has a window. */
        public boolean has(int layer) {
            return period == 0 || (layer + 1) % period != 0;
        }
    }

    /** Rotary positions without windows. */
    public static Positions rotary(Rotary rotary) {
        return new Positions(false, rotary, Optional.empty());
    }
}
