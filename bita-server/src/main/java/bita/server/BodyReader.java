package bita.server;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/** Collects the bodies of requests within bounds. Used on the server's event loop only. */
final class BodyReader {
    /** Bodies of this many times the largest allowed one are held at a time, all together. */
    private static final int BODIES = 16;

    private final int most;
    private final Map<Exchange, Integer> sizes = new HashMap<>();
    private long held;

    BodyReader(int most) {
        this.most = most;
    }

    /**
     * Collects a request's JSON.
     *
     * @param next is given the body, which counts as held until {@link #forget}
     * @throws ApiError if the headers show that the body is not acceptable
     */
    void read(Exchange exchange, Consumer<byte[]> next) {
        HttpServerRequest request = exchange.request();
        checkType(request);
        checkLength(request);
        Buffer body = Buffer.buffer();
        exchange.reading(true);
        request.handler(part -> {
            if (exchange.isEnded()) {
                return; // the rest of a refused body is let go
            }
            if (body.length() + part.length() > most) {
                exchange.fail(tooLarge());
            } else if (held + part.length() > (long) most * BODIES) {
                exchange.fail(ApiError.unavailable("too many large requests at a time: try again later"));
            } else {
                body.appendBuffer(part);
                sizes.put(exchange, body.length());
                held += part.length();
            }
        });
        request.endHandler(_ -> {
            exchange.reading(false);
            if (!exchange.isEnded()) {
                next.accept(body.getBytes());
            }
        });
        if ("100-continue".equalsIgnoreCase(request.getHeader("Expect"))) {
            exchange.response().writeContinue();
        }
    }

    /** A body is needed no longer. */
    void forget(Exchange exchange) {
        Integer size = sizes.remove(exchange);
        if (size != null) {
            held -= size;
        }
    }

    private static void checkType(HttpServerRequest request) {
        String type = request.getHeader("Content-Type");
        String media = type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
        if (!media.equals("application/json")) {
            throw ApiError.invalid(415, "the request's Content-Type must be application/json");
        }
        if (request.getHeader("Content-Encoding") != null) {
            throw ApiError.invalid(415, "the request's body must not be compressed");
        }
    }

    private void checkLength(HttpServerRequest request) {
        String length = request.getHeader("Content-Length");
        if (length != null && (length.length() > 10 || Long.parseLong(length) > most)) {
            throw tooLarge();
        }
    }

    private ApiError tooLarge() {
        return ApiError.invalid(413, "the request's body is larger than " + most + " bytes");
    }
}
