package bita.api.store;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * How the hub is reached, by the variables of the Hugging Face tools.
 *
 * @param endpoint base address, without a slash at its end
 * @param token sent to the endpoint only
 */
record HubSettings(URI endpoint, Optional<String> token) {

    private static final String DEFAULT_ENDPOINT = "https://huggingface.co";
    private static final Pattern TOKEN = Pattern.compile("[\\x21-\\x7e]+");
    private static final Set<String> TRUE = Set.of("1", "on", "yes", "true");

    /**
     * How long the hub may keep us waiting.
     *
     * @param connect until a connection stands
     * @param stall without a byte
     */
    record Limits(Duration connect, Duration stall) {
        static final Limits STANDARD = new Limits(Duration.ofSeconds(5), Duration.ofSeconds(30));
    }

    /**
     * Reads {@code HF_ENDPOINT}, {@code HF_TOKEN} and the token's file.
     *
     * @throws IOException if one of them cannot be used, with the reason
     */
    static HubSettings fromEnvironment(Map<String, String> env, Path tokenFile) throws IOException {
        String address = variable(env, "HF_ENDPOINT").orElse(DEFAULT_ENDPOINT).replaceAll("/+$", "");
        URI endpoint;
        try {
            endpoint = URI.create(address);
        } catch (IllegalArgumentException e) {
            throw new IOException("HF_ENDPOINT is '" + address + "', which is not an address", e);
        }
        if (endpoint.getHost() == null || !Set.of("http", "https").contains(String.valueOf(endpoint.getScheme()))) {
            throw new IOException("HF_ENDPOINT is '" + address + "', which is not an http or https address");
        }
        Optional<String> token = variable(env, "HF_TOKEN");
        if (token.isEmpty() && Files.isReadable(tokenFile)) {
            token = Optional.of(Files.readString(tokenFile).strip()).filter(t -> !t.isEmpty());
        }
        if (token.isPresent() && !TOKEN.matcher(token.get()).matches()) {
            throw new IOException(
                    "The Hugging Face token (HF_TOKEN or " + tokenFile + ") contains characters that no token has");
        }
        return new HubSettings(endpoint, token);
    }

    static boolean offline(Map<String, String> env) {
        return variable(env, "HF_HUB_OFFLINE")
                .map(v -> TRUE.contains(v.toLowerCase(Locale.ROOT)))
                .orElse(false);
    }

    private static Optional<String> variable(Map<String, String> env, String name) {
        return Optional.ofNullable(env.get(name)).map(String::strip).filter(v -> !v.isEmpty());
    }

    /** Whether an address belongs to the endpoint itself: same scheme, host and port. */
    boolean isOwn(URI address) {
        return String.valueOf(endpoint.getScheme()).equalsIgnoreCase(address.getScheme())
                && String.valueOf(endpoint.getHost()).equalsIgnoreCase(address.getHost())
                && port(endpoint) == port(address);
    }

    private static int port(URI address) {
        if (address.getPort() >= 0) {
            return address.getPort();
        }
        return "https".equalsIgnoreCase(address.getScheme()) ? 443 : 80;
    }

    /** The token stays out of every log. */
    @Override
    public String toString() {
        return "HubSettings[endpoint=" + endpoint + ", token=" + (token.isPresent() ? "set" : "none") + "]";
    }
}
