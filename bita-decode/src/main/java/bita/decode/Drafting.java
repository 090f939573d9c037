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
 * @param planner of steps, empty for methods that come as they are; it learns, so each {@link #of} has its own
 */
record Drafting(Method.Drafting method, int masks, Optional<Planner> planner) {
    /**
     * Of a method; empty for plain decoding.
     *
     * @param rows  most rows of a step; empty for what the method asks for
     * @param costs of steps, asked for if they are planned by costs
     * @throws IllegalArgumentException if the method needs masks and the engine has no adapter
     */
    static Optional<Drafting> of(Engine engine, Method method, OptionalInt rows, Supplier<StepCosts> costs) {
        if (!(method instanceof Method.Drafting drafting)) {
            return Optional.empty();
        }
        int masks = drafting.masks()
                .map(source -> Math.min(source.perGroup(), masks(engine, method)))
                .orElse(0);
        return Optional.of(new Drafting(drafting, masks, Planner.of(drafting, masks, rows, costs)));
    }

    private static int masks(Engine engine, Method method) {
        return engine.maskTokens()
                .map(MaskTokens::masks)
                .orElseThrow(() -> new IllegalArgumentException("the method " + method.name()
                        + " needs an adapter, and none is loaded: give one with --adapter, or use lookup or plain"));
    }

    /**
     * Who drafts for one sequence.
     *
     * @param sequences that share a step's rows at most
     */
    Drafter drafter(Engine engine, int sequences) {
        return new Drafter(engine, method, masks, mostRows() / sequences);
    }

    /** Most rows of a step, those that read prompts aside. */
    int mostRows() {
        return planner.map(Planner::mostRows).orElse(Drafter.MAX_ROWS);
    }
}
