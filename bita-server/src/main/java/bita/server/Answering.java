package bita.server;

import bita.api.GenerationOptions;
import java.util.Optional;

/**
 * How a request wants its answers.
 *
 * @param generation   of each
 * @param choices      answers to each prompt
 * @param stream       as they come
 * @param usage        in a stream: also what it took
 * @param drafts       with what was drafted
 * @param user         for the log
 */
record Answering(
        GenerationOptions generation,
        int choices,
        boolean stream,
        boolean usage,
        boolean drafts,
        Optional<String> user) {}
