package bita.decode;

import java.util.Map;

/** What steps cost on no machine in particular. */
final class SomeCosts {
    private SomeCosts() {}

    /** Four rows for little more than one, and each further one for a fifth. */
    static StepCosts of() {
        return StepCosts.of(
                Map.of(1, 6.0, 4, 6.7, 8, 11.5, 16, 21.7, 64, 84.0), new StepCosts.Attention(0.003, 0.001), 0);
    }
}
