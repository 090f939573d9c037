package bita.api.store;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A server on this machine whose answers a test chooses, path by path. */
final class FakeHub implements AutoCloseable {

    interface Answer {
        void send(HttpExchange exchange) throws IOException;
    }

    record Request(String path, Optional<String> authorization, Optional<String> range) {}

    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Map<String, Answer> answers = new ConcurrentHashMap<>();
    private final HttpServer server;

    final List<Request> requests = new CopyOnWriteArrayList<>();

    FakeHub() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    String address() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    void at(String path, Answer answer) {
        answers.put(path, answer);
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            Headers headers = exchange.getRequestHeaders();
            String path = exchange.getRequestURI().getPath();
            requests.add(new Request(
                    path,
                    Optional.ofNullable(headers.getFirst("Authorization")),
                    Optional.ofNullable(headers.getFirst("Range"))));
            answers.getOrDefault(path, status(404)).send(exchange);
        }
    }

    static Answer status(int code) {
        return exchange -> exchange.sendResponseHeaders(code, -1);
    }

    static Answer redirect(String to, Map<String, String> headers) {
        return exchange -> {
            exchange.getResponseHeaders().set("Location", to);
            headers.forEach(exchange.getResponseHeaders()::set);
            exchange.sendResponseHeaders(302, -1);
        };
    }

    /** The whole content, whatever range is asked for. */
    static Answer whole(byte[] content) {
        return exchange -> {
            exchange.sendResponseHeaders(200, content.length);
            exchange.getResponseBody().write(content);
        };
    }

    /** The content or the range asked for, under an ETag. */
    static Answer ranged(byte[] content, String etag) {
        return exchange -> {
            int offset = begin(exchange, content, etag);
            exchange.getResponseBody().write(content, offset, content.length - offset);
        };
    }

    /** Like {@link #ranged}, but the connection ends before byte {@code end} of the content. */
    static Answer cut(byte[] content, String etag, int end) {
        return exchange -> {
            int offset = begin(exchange, content, etag);
            OutputStream body = exchange.getResponseBody();
            body.write(content, offset, Math.max(0, end - offset));
            body.flush();
        };
    }

    /** Like {@link #cut}, but the connection stays open and silent for a while. */
    static Answer stalled(byte[] content, String etag, int end) {
        return exchange -> {
            cut(content, etag, end).send(exchange);
            try {
                Thread.sleep(10_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
    }

    private static int begin(HttpExchange exchange, byte[] content, String etag) throws IOException {
        exchange.getResponseHeaders().set("ETag", "\"" + etag + "\"");
        String range = exchange.getRequestHeaders().getFirst("Range");
        if (range == null) {
            exchange.sendResponseHeaders(200, content.length);
            return 0;
        }
        int offset = Integer.parseInt(range.replaceAll("\\D", ""));
        exchange.getResponseHeaders()
                .set("Content-Range", "bytes " + offset + "-" + (content.length - 1) + "/" + content.length);
        exchange.sendResponseHeaders(206, content.length - offset);
        return offset;
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
