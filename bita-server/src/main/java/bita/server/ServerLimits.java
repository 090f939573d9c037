package bita.server;

import java.time.Duration;

/**
 * What a client may ask for and how long things may take.
 *
 * @param bodyBytes      of a request
 * @param headerBytes    of a request, all headers together
 * @param choices        answers to one prompt
 * @param prompts        of one request
 * @param connections    open at a time; further ones are closed at once
 * @param requestTimeout of a whole request, waiting included
 * @param readTimeout    of a request's body, and of a connection that sends nothing whole
 * @param writeTimeout   of a client that takes nothing
 */
public record ServerLimits(
        int bodyBytes,
        int headerBytes,
        int choices,
        int prompts,
        int connections,
        Duration requestTimeout,
        Duration readTimeout,
        Duration writeTimeout) {
    public static final ServerLimits DEFAULT = new ServerLimits(
            4 << 20, 16 << 10, 16, 16, 1024, Duration.ofMinutes(10), Duration.ofSeconds(60), Duration.ofSeconds(60));

    public ServerLimits {
        requirePositive("bytes of a body", bodyBytes);
        requirePositive("bytes of headers", headerBytes);
        requirePositive("choices", choices);
        requirePositive("prompts", prompts);
        requirePositive("connections", connections);
        requirePositive("milliseconds of a request", requestTimeout.toMillis());
        requirePositive("milliseconds of reading", readTimeout.toMillis());
        requirePositive("milliseconds of writing", writeTimeout.toMillis());
    }

    private static void requirePositive(String what, long value) {
        if (value < 1) {
            throw new IllegalArgumentException("the most " + what + " must be 1 or more, not " + value);
        }
    }

    public ServerLimits withBodyBytes(int most) {
        return new ServerLimits(
                most, headerBytes, choices, prompts, connections, requestTimeout, readTimeout, writeTimeout);
    }

    public ServerLimits withRequestTimeout(Duration most) {
        return new ServerLimits(bodyBytes, headerBytes, choices, prompts, connections, most, readTimeout, writeTimeout);
    }

    public ServerLimits withReadTimeout(Duration most) {
        return new ServerLimits(
                bodyBytes, headerBytes, choices, prompts, connections, requestTimeout, most, writeTimeout);
    }

    public ServerLimits withWriteTimeout(Duration most) {
        return new ServerLimits(
                bodyBytes, headerBytes, choices, prompts, connections, requestTimeout, readTimeout, most);
    }
}
