package bita.server;

import static org.assertj.core.api.Assertions.assertThat;

import bita.api.AdapterChoice;
import bita.api.BatchOptions;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.model.TalkingModel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server of {@link TalkingModel}, and its client. */
final class TestServer implements AutoCloseable {
    static final String MODEL = "talking";
    /** Keeps the model from ending its turn. */
    static final String ENDLESS = "\"logit_bias\": {\"" + TalkingModel.END + "\": -100}";

    private static final JsonMapper MAPPER = new JsonMapper();

    final ConcurrentLinkedQueue<Throwable> problems = new ConcurrentLinkedQueue<>();
    final ConcurrentLinkedQueue<RequestLog.Entry> log = new ConcurrentLinkedQueue<>();
    final BitaServer server;
    private final HttpClient client = HttpClient.newHttpClient();

    TestServer(LanguageModel model, int parallel, UnaryOperator<ServerOptions> change) throws IOException {
        ServerOptions options = ServerOptions.of(
                        MODEL, BatchOptions.of(parallel).withKept(2))
                .withAliases(java.util.Set.of("other/name"));
        server = BitaServer.start(model, change.apply(options), log::add, problems::add);
    }

    static LanguageModel load(Path folder) throws IOException {
        return LanguageModel.load(
                TalkingModel.write(folder.resolve("talking.gguf")),
                LoadOptions.automatic().withAdapter(new AdapterChoice.None()).withThreads(2));
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.port() + path);
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(uri(path)).timeout(Duration.ofSeconds(60));
    }

    HttpResponse<String> send(HttpRequest.Builder request) {
        try {
            return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    HttpRequest.Builder posting(String path, String body) {
        return request(path).header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body));
    }

    HttpResponse<String> post(String path, String body) {
        return send(posting(path, body));
    }

    HttpResponse<String> get(String path) {
        return send(request(path));
    }

    static JsonNode json(HttpResponse<String> response) {
        return MAPPER.readTree(response.body());
    }

    static JsonNode json(String text) {
        return MAPPER.readTree(text);
    }

    /** The response to a request that must succeed. */
    JsonNode answer(String path, String body) {
        HttpResponse<String> response = post(path, body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return json(response);
    }

    JsonNode chat(String fields) {
        return answer("/v1/chat/completions", chatBody(fields));
    }

    static String chatBody(String fields) {
        return "{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]" + (fields.isEmpty() ? "" : ", ") + fields
                + "}";
    }

    /** What a stream's events hold; the last must be the protocol's end. */
    List<JsonNode> stream(String path, String body) {
        HttpResponse<String> response = post(path, body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.headers().firstValue("Content-Type")).hasValue("text/event-stream; charset=utf-8");
        assertThat(response.headers().firstValue("X-Accel-Buffering")).hasValue("no");
        List<String> data = events(response.body());
        assertThat(data.removeLast()).isEqualTo("[DONE]");
        return data.stream().map(TestServer::json).toList();
    }

    static List<String> events(String body) {
        List<String> data = new ArrayList<>();
        for (String event : body.split("\n\n", -1)) {
            if (!event.isEmpty()) { // behind the last one
                assertThat(event).startsWith("data: ");
                data.add(event.substring(6));
            }
        }
        return data;
    }

    /** A connection over which a request with a body has been sent. */
    Socket raw(String path, String body) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        String head = "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: " + bytes.length + "\r\n\r\n";
        socket.getOutputStream().write(head.getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
        return socket;
    }

    static void await(BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("time is up").isLessThan(end);
            try {
                Thread.sleep(5);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError(e);
            }
        }
    }

    boolean isIdle() {
        return server.service().running() == 0 && server.service().waiting() == 0;
    }

    @Override
    public void close() {
        client.close();
        server.close();
    }
}
