package bita.decode;

import bita.model.Engine;
import bita.model.MaskTokens;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * How a method drafts with an engine.
 *
 * @param method  what drafts
 * @param masks   mask tokens of a whole group, 0 if the method drafts without masks
 * @param bigrams of the adapter
 * @param planner of steps, empty for methods that come as they are; it learns, so each {@link #of} has its own
 */
record Drafting(Method.Drafting method, int masks, Bigrams bigrams, Optional<Planner> planner) {
    /**
     * Of a method; empty for plain decoding.
     *
     * @param adapter of the engine
     * @param rows  most rows of a step; empty for what the method asks for
     * @param costs of steps, asked for if they are planned by costs
     * @throws IllegalArgumentException if the method needs an adapter and the engine has none
     */
    static Optional<Drafting> of(
            Engine engine, Optional<Adapter> adapter, Method method, OptionalInt rows, Supplier<StepCosts> costs) {
        if (!(method instanceof Method.Drafting drafting)) {
            return Optional.empty();
        }
        if (drafting.needsAdapter() && engine.maskTokens().isEmpty()) {
            throw new IllegalArgumentException("the method " + method.name()
                    + " needs an adapter, and none is loaded: give one with --adapter, or use lookup or plain");
        }
        int loaded = engine.maskTokens().map(MaskTokens::masks).orElse(0);
        int masks = drafting.masks()
                .map(source -> Math.min(source.perGroup(), loaded))
                .orElse(0);
        Bigrams bigrams = adapter.map(Adapter::bigrams).orElseGet(Bigrams::none);
        Calibration calibration = adapter.map(Adapter::calibration).orElseGet(Calibration::none);
        MaskGains gains = new MaskGains(masks, calibration, drafting.sources().size() > 1);
        return Optional.of(new Drafting(drafting, masks, bigrams, Planner.of(drafting, gains, rows, costs)));
    }

    /**
     * Who drafts for one sequence.
     *
     * @param sequences that share a step's rows at most
     */
    Drafter drafter(Engine engine, int sequences) {
        return new Drafter(engine, method, masks, bigrams, mostRows() / sequences);
    }

    /** Most rows of a step, those that read prompts aside. */
    int mostRows() {
        return planner.map(Planner::mostRows).orElse(Drafter.MAX_ROWS);
    }
}
