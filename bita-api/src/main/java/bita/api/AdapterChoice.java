package bita.api;

import java.nio.file.Path;

/** Which adapter a model is loaded with. */
public sealed interface AdapterChoice {
    /** The one that belongs to the model, if there is one: tuned here, or shipped with the program. */
    record Automatic() implements AdapterChoice {}

    /** None: methods that need no masks still accelerate. */
    record None() implements AdapterChoice {}

    /** An adapter file. */
    record File(Path path) implements AdapterChoice {}
}
