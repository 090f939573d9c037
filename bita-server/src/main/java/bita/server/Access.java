package bita.server;

import bita.api.store.Sha256;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Who may use the server. */
final class Access {
    private static final Pattern LOCAL_HOST =
            Pattern.compile("(localhost|([a-z0-9-]+\\.)+localhost|127(\\.[0-9]{1,3}){3}|\\[::1])(:[0-9]{1,5})?");
    private static final Pattern HEADER_NAMES = Pattern.compile("[A-Za-z0-9_, -]+");
    private static final String BEARER = "bearer ";
    private static final String ANY = "*";

    private final boolean local;
    private final Set<String> origins;
    private final List<byte[]> keys;

    /** @param local whether only programs of this machine reach the server */
    Access(ServerOptions options, boolean local) {
        this.local = local;
        origins = options.corsOrigins();
        keys = options.apiKeys().stream().map(Access::digest).toList();
    }

    private static byte[] digest(String key) {
        return Sha256.digest().digest(key.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Keeps out web pages that were not allowed, also those that have given this machine a name of their own.
     *
     * @throws ApiError if the request comes from one
     */
    void checkOrigin(HttpServerRequest request, HttpServerResponse response) {
        List<String> hosts = request.headers().getAll("Host");
        if (hosts.size() != 1) {
            throw ApiError.invalid(400, "a request needs one Host header");
        }
        String host = hosts.getFirst().toLowerCase(Locale.ROOT);
        if (local && !LOCAL_HOST.matcher(host).matches()) {
            throw ApiError.forbidden("the server is for this machine only, and the request's Host is not a local name");
        }
        Optional<String> origin = Optional.ofNullable(request.getHeader("Origin"));
        if (origin.isEmpty()) {
            return;
        }
        String asked = origin.get().toLowerCase(Locale.ROOT);
        if (asked.equals("http://" + host) || asked.equals("https://" + host)) {
            return;
        }
        if (!origins.contains(ANY) && !origins.contains(asked)) {
            throw ApiError.forbidden("pages of another origin may not use the server unless allowed (--cors-origin)");
        }
        response.putHeader("Access-Control-Allow-Origin", origin.get());
        response.putHeader("Access-Control-Expose-Headers", "X-Request-Id, Retry-After");
        response.putHeader("Vary", "Origin");
    }

    /** Answers a browser that asks whether it may send a request of an allowed page; false if it does not ask that. */
    boolean preflight(Exchange exchange) {
        HttpServerRequest request = exchange.request();
        if (!request.method().equals(HttpMethod.OPTIONS)
                || request.getHeader("Access-Control-Request-Method") == null
                || request.getHeader("Origin") == null) {
            return false;
        }
        HttpServerResponse response = exchange.response();
        response.putHeader("Access-Control-Allow-Methods", "GET, POST");
        String headers = request.getHeader("Access-Control-Request-Headers");
        if (headers != null && HEADER_NAMES.matcher(headers).matches()) {
            response.putHeader("Access-Control-Allow-Headers", headers);
        }
        response.putHeader("Access-Control-Max-Age", "600");
        exchange.send(204);
        return true;
    }

    /** @throws ApiError if the server has keys and the request none of them */
    void checkKey(HttpServerRequest request) {
        if (keys.isEmpty()) {
            return;
        }
        String header = request.getHeader("Authorization");
        if (header == null || !header.toLowerCase(Locale.ROOT).startsWith(BEARER)) {
            throw ApiError.key();
        }
        byte[] given = digest(header.substring(BEARER.length()).strip());
        boolean found = false;
        for (byte[] key : keys) {
            found |= MessageDigest.isEqual(key, given);
        }
        if (!found) {
            throw ApiError.key();
        }
    }
}
