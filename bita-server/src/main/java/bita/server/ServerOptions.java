package bita.server;

import bita.api.BatchOptions;
import bita.decode.SamplingSettings;
import java.util.List;
import java.util.Set;

/**
 * How a model is served.
 *
 * @param host        address to listen on
 * @param port        to listen on; 0 for any that is free
 * @param batch       how answers are decoded together
 * @param waiting     answers that wait while as many as the batch has run
 * @param modelId     what requests call the model
 * @param aliases     what else they may call it
 * @param apiKeys     one of which a request must have; empty if it needs none
 * @param corsOrigins origins, such as {@code https://example.org}, whose pages may use the server; {@code *} for all
 * @param sampling    where a request does not say; its seed is not used
 * @param limits      of requests
 */
public record ServerOptions(
        String host,
        int port,
        BatchOptions batch,
        int waiting,
        String modelId,
        Set<String> aliases,
        List<String> apiKeys,
        Set<String> corsOrigins,
        SamplingSettings sampling,
        ServerLimits limits) {
    private static final int MOST_PORT = 65_535;

    public ServerOptions {
        aliases = Set.copyOf(aliases);
        apiKeys = List.copyOf(apiKeys);
        corsOrigins = Set.copyOf(corsOrigins);
        if (host.isBlank()) {
            throw new IllegalArgumentException("the host to listen on must be a name or an address");
        }
        if (port < 0 || port > MOST_PORT) {
            throw new IllegalArgumentException("a port is 0 (any) to " + MOST_PORT + ", not " + port);
        }
        if (waiting < 0) {
            throw new IllegalArgumentException("0 or more answers can wait, not " + waiting);
        }
        if (modelId.isBlank()) {
            throw new IllegalArgumentException("the model needs an id");
        }
        if (apiKeys.stream().anyMatch(String::isBlank)) {
            throw new IllegalArgumentException("an API key cannot be empty");
        }
        for (String origin : corsOrigins) {
            if (!origin.equals("*") && !origin.matches("[a-z][a-z0-9+.-]*://[^/\\s]+")) {
                throw new IllegalArgumentException(
                        "an origin is a scheme and a host, such as https://example.org, not '" + origin + "'");
            }
        }
    }

    /** Local, without keys, sampled at temperature 1. */
    public static ServerOptions of(String modelId, BatchOptions batch) {
        return new ServerOptions(
                "127.0.0.1",
                0,
                batch,
                256,
                modelId,
                Set.of(),
                List.of(),
                Set.of(),
                new SamplingSettings(1, 0, 1, 0, 0),
                ServerLimits.DEFAULT);
    }

    public ServerOptions withAddress(String otherHost, int otherPort) {
        return new ServerOptions(
                otherHost, otherPort, batch, waiting, modelId, aliases, apiKeys, corsOrigins, sampling, limits);
    }

    public ServerOptions withBatch(BatchOptions other) {
        return new ServerOptions(host, port, other, waiting, modelId, aliases, apiKeys, corsOrigins, sampling, limits);
    }

    public ServerOptions withWaiting(int most) {
        return new ServerOptions(host, port, batch, most, modelId, aliases, apiKeys, corsOrigins, sampling, limits);
    }

    public ServerOptions withAliases(Set<String> others) {
        return new ServerOptions(host, port, batch, waiting, modelId, others, apiKeys, corsOrigins, sampling, limits);
    }

    public ServerOptions withApiKeys(List<String> keys) {
        return new ServerOptions(host, port, batch, waiting, modelId, aliases, keys, corsOrigins, sampling, limits);
    }

    public ServerOptions withCorsOrigins(Set<String> origins) {
        return new ServerOptions(host, port, batch, waiting, modelId, aliases, apiKeys, origins, sampling, limits);
    }

    public ServerOptions withSampling(SamplingSettings defaults) {
        return new ServerOptions(host, port, batch, waiting, modelId, aliases, apiKeys, corsOrigins, defaults, limits);
    }

    public ServerOptions withLimits(ServerLimits others) {
        return new ServerOptions(host, port, batch, waiting, modelId, aliases, apiKeys, corsOrigins, sampling, others);
    }
}
