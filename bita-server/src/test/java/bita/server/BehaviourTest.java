package bita.server;

import static bita.server.TestServer.ENDLESS;
import static bita.server.TestServer.chatBody;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.api.LanguageModel;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Clients that go, are slow, or come at the wrong time hold up nobody. */
@Timeout(60)
class BehaviourTest {
    private static final String CHAT = "/v1/chat/completions";
    /** Takes some seconds with one answer at a time. */
    private static final String LONG = chatBody(ENDLESS + ", \"n\": 16, \"temperature\": 0");

    private static final String LONG_STREAM = chatBody(ENDLESS + ", \"n\": 16, \"temperature\": 0, \"stream\": true");

    @TempDir
    static Path folder;

    private static LanguageModel model;

    @BeforeAll
    static void load() throws IOException {
        model = TestServer.load(folder);
    }

    @AfterAll
    static void unload() {
        model.close();
    }

    private static TestServer server(ServerLimits limits) throws IOException {
        return new TestServer(model, 1, options -> options.withWaiting(20).withLimits(limits));
    }

    private static String readSome(Socket socket) throws IOException {
        return new String(socket.getInputStream().readNBytes(400), StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoGoesMakesRoom(boolean streaming) throws IOException {
        try (TestServer server = server(ServerLimits.DEFAULT)) {
            try (Socket socket = server.raw(CHAT, streaming ? LONG_STREAM : LONG)) {
                TestServer.await(() -> server.server.service().running() == 1);
                assertThat(server.server.service().waiting()).isEqualTo(15);
                if (streaming) {
                    assertThat(readSome(socket)).startsWith("HTTP/1.1 200");
                }
            }
            TestServer.await(server::isIdle);
            TestServer.await(() -> !server.log.isEmpty());

            RequestLog.Entry entry = server.log.remove();
            assertThat(entry.status()).isEqualTo(499);
            assertThat(entry.completionTokens()).isLessThan(16 * 4000);
            assertThat(server.post(CHAT, chatBody("\"max_tokens\": 2")).statusCode())
                    .isEqualTo(200);
            assertThat(server.problems).isEmpty();
        }
    }

    @Test
    void whoReadsSlowlyHoldsUpNobodyAndIsLetGo() throws IOException {
        try (TestServer server = new TestServer(
                model,
                5,
                options -> options.withLimits(ServerLimits.DEFAULT.withWriteTimeout(Duration.ofSeconds(2))))) {
            String many = chatBody(ENDLESS + ", \"n\": 4, \"stream\": true, \"logprobs\": true, \"top_logprobs\": 20");
            try (Socket socket = new Socket()) {
                socket.setReceiveBufferSize(4096);
                socket.connect(new java.net.InetSocketAddress(InetAddress.getLoopbackAddress(), server.server.port()));
                send(socket, many);
                TestServer.await(() -> server.server.service().running() == 4);
                assertThat(server.post(CHAT, chatBody("\"max_tokens\": 2")).statusCode())
                        .isEqualTo(200);
                assertThat(server.server.service().running()).isEqualTo(4);
                TestServer.await(() -> isClosed(socket));
            }
            TestServer.await(server::isIdle);
        }
    }

    private static void send(Socket socket, String body) throws IOException {
        String head = "POST " + CHAT + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: " + body.length() + "\r\n\r\n";
        socket.getOutputStream().write((head + body).getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().flush();
    }

    private static boolean isClosed(Socket socket) {
        try {
            socket.getOutputStream().write('\n');
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void refusesWhatFindsNoPlace() throws Exception {
        try (TestServer server = new TestServer(model, 1, options -> options.withWaiting(15))) {
            try (Socket socket = server.raw(CHAT, LONG)) {
                TestServer.await(() -> server.server.service().running() == 1);
                HttpResponse<String> refused = server.post(CHAT, chatBody(""));
                assertThat(refused.statusCode()).isEqualTo(429);
                assertThat(TestServer.json(refused).at("/error/code").asString())
                        .isEqualTo("queue_full");
                assertThat(refused.headers().firstValueAsLong("Retry-After")).hasValue(1);
                assertThat(socket.isClosed()).isFalse();
                // All or none of a request's prompts find a place.
                assertThat(server.post("/v1/completions", "{\"prompt\": [\"a\", \"b\"]}")
                                .statusCode())
                        .isEqualTo(429);
            }
            TestServer.await(server::isIdle);
            assertThat(server.post("/v1/completions", "{\"prompt\": [\"a\", \"b\"], \"max_tokens\": 2}")
                            .statusCode())
                    .isEqualTo(200);
            assertThat(server.post(CHAT, chatBody("\"n\": 16, \"max_tokens\": 1"))
                            .statusCode())
                    .isEqualTo(200);
            assertThat(TestServer.json(server.post("/v1/completions", "{\"prompt\": [\"a\", \"b\"], \"n\": 9}"))
                            .at("/error/param")
                            .asString())
                    .isEqualTo("n");
        }
    }

    @Test
    void aRequestThatTakesTooLongIsEnded() throws IOException {
        try (TestServer server = server(ServerLimits.DEFAULT.withRequestTimeout(Duration.ofMillis(300)))) {
            HttpResponse<String> late = server.post(CHAT, LONG);
            assertThat(late.statusCode()).isEqualTo(504);
            assertThat(TestServer.json(late).at("/error/type").asString()).isEqualTo("timeout_error");

            TestServer.await(server::isIdle);
            List<String> events =
                    TestServer.events(server.post(CHAT, LONG_STREAM).body());
            assertThat(events.size()).isGreaterThan(2);
            JsonNode last = TestServer.json(events.getLast());
            assertThat(last.at("/error/type").asString()).isEqualTo("timeout_error");
            TestServer.await(server::isIdle);
        }
    }

    @Test
    void aBodyThatDoesNotComeIsNotAwaited() throws IOException {
        try (TestServer server = server(ServerLimits.DEFAULT.withReadTimeout(Duration.ofMillis(200)))) {
            try (Socket body = new Socket(InetAddress.getLoopbackAddress(), server.server.port());
                    Socket head = new Socket(InetAddress.getLoopbackAddress(), server.server.port())) {
                body.getOutputStream()
                        .write(("POST " + CHAT + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                        + "Content-Length: 100\r\n\r\n{")
                                .getBytes(StandardCharsets.UTF_8));
                head.getOutputStream().write("GET /health HT".getBytes(StandardCharsets.UTF_8));
                assertThat(all(body)).startsWith("HTTP/1.1 408");
                assertThat(all(head)).isEmpty();
            }
        }
    }

    private static String all(Socket socket) throws IOException {
        InputStream in = socket.getInputStream();
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }

    @Test
    void drainsThenEnds() throws Exception {
        try (TestServer server = server(ServerLimits.DEFAULT)) {
            String some = chatBody(ENDLESS + ", \"max_tokens\": 1500, \"temperature\": 0");
            CompletableFuture<HttpResponse<String>> running =
                    CompletableFuture.supplyAsync(() -> server.post(CHAT, some));
            TestServer.await(() -> server.server.service().running() == 1);
            CompletableFuture<Boolean> drained = CompletableFuture.supplyAsync(() -> {
                try {
                    return server.server.drain(Duration.ofSeconds(30));
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
            TestServer.await(() -> server.get("/health").statusCode() == 503);
            assertThat(TestServer.json(server.get("/health")).at("/status").asString())
                    .isEqualTo("draining");
            HttpResponse<String> refused = server.post(CHAT, chatBody(""));
            assertThat(refused.statusCode()).isEqualTo(503);
            assertThat(TestServer.json(refused).at("/error/type").asString()).isEqualTo("service_unavailable_error");
            assertThat(refused.headers().firstValueAsLong("Retry-After")).hasValue(1);
            try (Socket kept = server.raw(CHAT, chatBody(""))) {
                assertThat(all(kept)).startsWith("HTTP/1.1 503").containsIgnoringCase("\r\nConnection: close\r\n");
            }

            assertThat(drained.get()).isTrue();
            assertThat(TestServer.json(running.get())
                            .at("/usage/completion_tokens")
                            .intValue())
                    .isEqualTo(1500);
        }
    }

    @Test
    void closingTellsThoseWhoWait() throws Exception {
        TestServer server = server(ServerLimits.DEFAULT);
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        answers.add(CompletableFuture.supplyAsync(() -> server.post(CHAT, LONG)));
        TestServer.await(() -> server.server.service().running() == 1);
        server.server.close();

        assertThat(answers.getFirst().get().statusCode()).isEqualTo(503);
        assertThat(server.problems).isEmpty();
        server.close();
    }

    @Test
    void saysWhatPortIsTaken() throws IOException {
        try (TestServer server = server(ServerLimits.DEFAULT)) {
            int port = server.server.port();
            assertThatThrownBy(() -> new TestServer(model, 1, options -> options.withAddress("127.0.0.1", port)))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("port " + port)
                    .hasMessageContaining("--port");
        }
    }

    @Test
    void countsWhatItDoes() throws IOException {
        try (TestServer server = server(ServerLimits.DEFAULT)) {
            JsonNode usage = server.chat("\"max_tokens\": 5, \"user\": \"someone\", " + ENDLESS)
                    .at("/usage");
            server.post(CHAT, "{}");
            server.get("/x/y/z");
            String metrics = server.get("/metrics").body();

            assertThat(metrics)
                    .contains("bita_tokens_total{type=\"completion\"} 5.0")
                    .contains("bita_tokens_total{type=\"prompt\"} "
                            + usage.at("/prompt_tokens").intValue() + ".0")
                    .contains("bita_requests_total{route=\"/v1/chat/completions\",status=\"200\"} 1.0")
                    .contains("bita_requests_total{route=\"/v1/chat/completions\",status=\"400\"} 1.0")
                    .contains("bita_requests_total{route=\"other\",status=\"404\"} 1.0")
                    .contains("bita_requests_running 0.0")
                    .contains("gen_ai_server_time_to_first_token_seconds_count 1")
                    .contains("gen_ai_server_time_per_output_token_seconds_count 1")
                    .contains("gen_ai_server_request_duration_seconds_count 1")
                    .contains("bita_queue_time_seconds_count 1")
                    .contains("bita_problems_total 0.0")
                    .contains("jvm_memory_used_bytes");
            RequestLog.Entry entry = server.log.remove();
            assertThat(entry.user()).hasValue("someone");
            assertThat(entry.completionTokens()).isEqualTo(5);
            assertThat(entry.route()).isEqualTo(CHAT);
            assertThat(entry.prompt()).isEmpty();
        }
    }
}
