package bita.server;

import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The files of the page. */
final class WebPage {
    private static final String HTML = "text/html; charset=utf-8";
    private static final String SCRIPT = "text/javascript; charset=utf-8";
    private static final String STYLE = "text/css; charset=utf-8";
    private static final String IMAGE = "image/svg+xml";
    private static final Map<String, String> FILES = Map.ofEntries(
            Map.entry("index.html", HTML),
            Map.entry("style.css", STYLE),
            Map.entry("icon.svg", IMAGE),
            Map.entry("api.js", SCRIPT),
            Map.entry("app.js", SCRIPT),
            Map.entry("chat.js", SCRIPT),
            Map.entry("compare.js", SCRIPT),
            Map.entry("dom.js", SCRIPT),
            Map.entry("drafts.js", SCRIPT),
            Map.entry("markdown.js", SCRIPT),
            Map.entry("settings.js", SCRIPT),
            Map.entry("store.js", SCRIPT),
            Map.entry("turn.js", SCRIPT));

    private final Map<String, File> files = new HashMap<>();

    /** A file of the page. */
    record File(String type, Buffer content) {}

    /** Reads all files. */
    WebPage() {
        FILES.forEach((name, type) -> files.put("/" + name, new File(type, read(name))));
        files.put("/", new File(HTML, read("index.html")));
    }

    private static Buffer read(String name) {
        try (InputStream file = WebPage.class.getResourceAsStream("web/" + name)) {
            if (file == null) {
                throw new IllegalStateException("the file web/" + name + " is missing from the installation");
            }
            return Buffer.buffer(file.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The file at a path of the server. */
    Optional<File> file(String path) {
        return Optional.ofNullable(files.get(path));
    }

    /** Sends a file, which may load nothing from elsewhere and run nothing that stands within it. */
    static void send(Exchange exchange, File file) {
        exchange.response()
                .putHeader(
                        "Content-Security-Policy",
                        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
                .putHeader("Referrer-Policy", "no-referrer")
                .putHeader("Cache-Control", "no-cache");
        exchange.send(200, file.type(), file.content().getBytes());
    }
}
