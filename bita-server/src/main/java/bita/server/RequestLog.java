package bita.server;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** Hears of every request when it has ended, on the server's event loop, which it must not hold up. */
public interface RequestLog {
    /** Hears nothing. */
    RequestLog NONE = new RequestLog() {
        @Override
        public void ended(Entry entry) {}
    };

    void ended(Entry entry);

    /** Whether entries are to hold what was asked. */
    default boolean wantsPrompts() {
        return false;
    }

    /**
     * A request that has ended.
     *
     * @param time             it came
     * @param id               as the response's header {@code X-Request-Id} has it
     * @param route            the route's pattern
     * @param status           of the response; 499 if the client went before the end
     * @param error            the code or type of the error, also of one within a stream
     * @param promptTokens     of all prompts; 0 if there was no answer
     * @param cachedTokens     of those, known from another text
     * @param completionTokens of all answers
     * @param duration         of all
     * @param user             as the request named it
     * @param prompt           the request's body, if prompts are wanted
     */
    record Entry(
            Instant time,
            String id,
            String route,
            int status,
            Optional<String> error,
            int promptTokens,
            int cachedTokens,
            int completionTokens,
            Duration duration,
            Optional<String> user,
            Optional<String> prompt) {}
}
