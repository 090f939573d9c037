package bita.server;

import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** Finds who handles a request. */
final class Router {
    private final Access access;
    private final WebPage page;
    private final Map<String, Route> routes = new LinkedHashMap<>();
    private final Map<String, Route> prefixes = new LinkedHashMap<>();

    private record Route(String pattern, HttpMethod method, boolean open, Consumer<Exchange> handler) {}

    Router(Access access, WebPage page) {
        this.access = access;
        this.page = page;
    }

    /** A route that is read from; it answers HEAD too. */
    void get(String path, Consumer<Exchange> handler) {
        routes.put(path, new Route(path, HttpMethod.GET, false, handler));
    }

    /** As {@link #get}, without a key. */
    void getOpenly(String path, Consumer<Exchange> handler) {
        routes.put(path, new Route(path, HttpMethod.GET, true, handler));
    }

    /** As {@link #get}, of all paths that begin so. */
    void getBelow(String prefix, String pattern, Consumer<Exchange> handler) {
        prefixes.put(prefix, new Route(pattern, HttpMethod.GET, false, handler));
    }

    void post(String path, Consumer<Exchange> handler) {
        routes.put(path, new Route(path, HttpMethod.POST, false, handler));
    }

    /** @throws ApiError if nobody may handle the request */
    void handle(Exchange exchange) {
        HttpServerRequest request = exchange.request();
        Optional<String> path = Optional.ofNullable(request.path());
        Optional<Route> found = path.flatMap(this::route);
        found.ifPresent(route -> exchange.route(route.pattern));
        access.checkOrigin(request, exchange.response());
        if (access.preflight(exchange)) {
            return;
        }
        if (found.isEmpty()) {
            throw ApiError.route(path.map(Router::shown).orElse("such route"));
        }
        Route route = found.get();
        boolean allowed = request.method().equals(route.method)
                || (route.method.equals(HttpMethod.GET) && request.method().equals(HttpMethod.HEAD));
        if (!allowed) {
            String methods = route.method.equals(HttpMethod.GET) ? "GET, HEAD" : "POST";
            exchange.response().putHeader("Allow", methods);
            throw ApiError.invalid(405, route.pattern + " takes " + methods);
        }
        if (!route.open) {
            access.checkKey(request);
        }
        route.handler.accept(exchange);
    }

    private Optional<Route> route(String path) {
        Route exact = routes.get(path);
        if (exact != null) {
            return Optional.of(exact);
        }
        for (Map.Entry<String, Route> prefix : prefixes.entrySet()) {
            if (path.startsWith(prefix.getKey())
                    && path.length() > prefix.getKey().length()) {
                return Optional.of(prefix.getValue());
            }
        }
        return page.file(path).map(file -> new Route("/", HttpMethod.GET, true, e -> WebPage.send(e, file)));
    }

    private static String shown(String path) {
        return path.length() > 100 ? path.substring(0, 100) + "..." : path;
    }
}
