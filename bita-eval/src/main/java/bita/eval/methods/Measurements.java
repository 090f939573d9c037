package bita.eval.methods;

import java.io.IOException;
import java.util.Optional;

/** Where measurements go, and what is there already. */
interface Measurements {
    Optional<Measurement> find(Measurement.Key key);

    /**
     * Adds a measurement.
     *
     * @throws IOException if it cannot be written; the message says what to do
     */
    void append(Measurement measurement) throws IOException;
}
