package bita.server;

import static bita.server.TestServer.chatBody;
import static org.assertj.core.api.Assertions.assertThat;

import bita.api.LanguageModel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** What is not understood, or not allowed, is refused in the protocol's shape. */
@Timeout(120)
class RefusalsTest {
    private static final String CHAT = "/v1/chat/completions";

    @TempDir
    static Path folder;

    private static LanguageModel model;
    private static TestServer server;
    private static TestServer closed; // needs a key

    @BeforeAll
    static void start() throws IOException {
        model = TestServer.load(folder);
        server = new TestServer(model, 2, options -> options.withLimits(ServerLimits.DEFAULT.withBodyBytes(100_000)));
        closed = new TestServer(
                model,
                1,
                options ->
                        options.withApiKeys(List.of("first", "second")).withCorsOrigins(Set.of("https://example.org")));
    }

    @AfterAll
    static void end() {
        server.close();
        closed.close();
        model.close();
        assertThat(server.problems).isEmpty();
        assertThat(closed.problems).isEmpty();
    }

    private static JsonNode error(HttpResponse<String> response, int status) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        JsonNode error = TestServer.json(response).at("/error");
        assertThat(error.propertyNames()).containsExactly("message", "type", "param", "code");
        return error;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "temperature|\"warm\"",
                "temperature|2.1",
                "temperature|-1",
                "temperature|0.0001",
                "temperature|1e999",
                "top_p|0",
                "top_p|1.5",
                "top_p|[1]",
                "top_k|-1",
                "top_k|1.5",
                "min_p|2",
                "min_p|true",
                "max_tokens|0",
                "max_tokens|\"5\"",
                "max_completion_tokens|-3",
                "max_tokens|99999999999",
                "seed|1.5",
                "seed|99999999999999999999",
                "seed|\"x\"",
                "stop|5",
                "stop|\"\"",
                "stop|[\"a\",\"b\",\"c\",\"d\",\"e\"]",
                "stop|[1]",
                "stop|[\"\"]",
                "n|0",
                "n|17",
                "n|1.0",
                "logprobs|3",
                "top_logprobs|1",
                "logit_bias|[]",
                "logit_bias|{\"x\": 1}",
                "logit_bias|{\"419\": 1}",
                "logit_bias|{\"-1\": 1}",
                "logit_bias|{\"01\": 1}",
                "presence_penalty|3",
                "frequency_penalty|-2.5",
                "repetition_penalty|0",
                "repetition_penalty|11",
                "stream|1",
                "stream_options|{\"include_usage\": true}",
                "user|7",
                "acceleration|\"no\"",
                "show_drafts|0",
                "model|1",
                "tools|[]",
                "tool_choice|\"none\"",
                "best_of|2",
                "echo|true",
                "nonsense|1"
            })
    void refusesAFieldThatItNames(String field, String value) {
        JsonNode error = error(server.post(CHAT, chatBody("\"" + field + "\": " + value)), 400);

        assertThat(error.at("/type").asString()).isEqualTo("invalid_request_error");
        assertThat(error.at("/param").asString()).isEqualTo(field);
        assertThat(error.at("/message").asString()).startsWith("'" + field + "'");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"stream\": true, \"stream_options\": {\"x\": 1}}|stream_options.x",
                "{\"stream\": true, \"stream_options\": {\"include_usage\": 1}}|stream_options.include_usage",
                "{\"logit_bias\": {\"5\": 101}}|logit_bias.5",
                "{\"max_tokens\": 5, \"max_completion_tokens\": 6}|max_tokens",
                "{\"logprobs\": true, \"top_logprobs\": 21}|top_logprobs",
                "{\"response_format\": {\"type\": \"yaml\"}}|response_format.type",
                "{\"response_format\": {\"type\": \"text\", \"x\": 1}}|response_format.x",
                "{\"response_format\": {\"type\": \"json_schema\"}}|response_format.json_schema",
                "{\"response_format\": {\"type\": \"json_object\", \"json_schema\": {}}}|response_format.json_schema",
                "{\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"schema\": {}}}}"
                        + "|response_format.json_schema.name",
                "{\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"a\"}}}"
                        + "|response_format.json_schema.schema",
                "{\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"a\", \"schema\":"
                        + " {\"pattern\": \"x\"}}}}|response_format.json_schema.schema",
                "{\"response_format\": \"text\"}|response_format"
            })
    void refusesWhatIsWithinAField(String fields, String param) {
        String body = chatBody(fields.substring(1, fields.length() - 1));

        assertThat(error(server.post(CHAT, body), 400).at("/param").asString()).isEqualTo(param);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{}|messages",
                "{\"messages\": []}|messages",
                "{\"messages\": \"Hello\"}|messages",
                "{\"messages\": null}|messages",
                "{\"messages\": [5]}|messages[0]",
                "{\"messages\": [{\"content\": \"a\"}]}|messages[0].role",
                "{\"messages\": [{\"role\": \"tool\", \"content\": \"a\"}]}|messages[0].role",
                "{\"messages\": [{\"role\": \"user\"}]}|messages[0].content",
                "{\"messages\": [{\"role\": \"user\", \"content\": 5}]}|messages[0].content",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\", \"x\": 1}]}|messages[0].x",
                "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}"
                        + "|messages[0].content[0].type",
                "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\"}]}]}"
                        + "|messages[0].content[0].text"
            })
    void refusesMessages(String body, String param) {
        assertThat(error(server.post(CHAT, body), 400).at("/param").asString()).isEqualTo(param);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v1/completions|{}|prompt",
                "/v1/completions|{\"prompt\": []}|prompt",
                "/v1/completions|{\"prompt\": [\"a\", 5]}|prompt",
                "/v1/completions|{\"prompt\": [419]}|prompt",
                "/v1/completions|{\"prompt\": [-1]}|prompt",
                "/v1/completions|{\"prompt\": [1.5]}|prompt",
                "/v1/completions|{\"prompt\": [1, \"a\"]}|prompt",
                "/v1/completions|{\"prompt\": {}}|prompt",
                "/v1/completions|{\"prompt\": [[[1]]]}|prompt",
                "/v1/completions|{\"prompt\": \"a\", \"logprobs\": 6}|logprobs",
                "/v1/completions|{\"prompt\": \"a\", \"logprobs\": true}|logprobs",
                "/v1/completions|{\"prompt\": \"a\", \"messages\": []}|messages",
                "/v1/completions|{\"prompt\": [\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]}|prompt",
                "/tokenize|{}|prompt",
                "/tokenize|{\"prompt\": 5}|prompt",
                "/tokenize|{\"prompt\": \"a\", \"messages\": [1]}|prompt",
                "/tokenize|{\"prompt\": \"a\", \"x\": 1}|x",
                "/detokenize|{}|tokens",
                "/detokenize|{\"tokens\": \"a\"}|tokens",
                "/detokenize|{\"tokens\": [419]}|tokens",
                "/detokenize|{\"tokens\": [-1]}|tokens",
                "/detokenize|{\"tokens\": [1e30]}|tokens",
                "/detokenize|{\"tokens\": [1], \"x\": 1}|x"
            })
    void refusesWhatOtherRoutesDoNotTake(String route, String body, String param) {
        assertThat(error(server.post(route, body), 400).at("/param").asString()).isEqualTo(param);
    }

    @Test
    void refusesWhatIsNotStrictlyJson() {
        for (String body : List.of(
                "",
                "null",
                "[]",
                "5",
                "{",
                "{\"n\": 1} x",
                "{\"n\": 1, \"n\": 1}",
                "{n: 1}",
                "{\"n\": NaN}",
                "{\"a\": \"\n\"}",
                "[".repeat(5000),
                "{\"n\": " + "9".repeat(5000) + "}",
                "{\"" + "x".repeat(5000) + "\": 1}",
                "{'n': 1}",
                "{\"n\": 1,}",
                "\u0000")) {
            assertThat(error(server.post(CHAT, body), 400).at("/message").asString())
                    .as(body)
                    .contains("body")
                    .doesNotContain("tools.jackson", "Exception");
        }
        HttpRequest.Builder bytes = server.request(CHAT)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[] {'{', '"', (byte) 0xff, '"', ':', '1', '}'}));
        error(server.send(bytes), 400);
    }

    @Test
    void refusesAPromptThatLeavesNoRoom() {
        String text = "word ".repeat(2000);
        JsonNode chat =
                error(server.post(CHAT, "{\"messages\": [{\"role\": \"user\", \"content\": \"" + text + "\"}]}"), 400);

        assertThat(chat.at("/code").asString()).isEqualTo("context_length_exceeded");
        assertThat(error(server.post("/v1/completions", "{\"prompt\": \"" + text + "\"}"), 400)
                        .at("/param")
                        .asString())
                .isEqualTo("prompt");
    }

    @Test
    void refusesAModelThatIsNotServed() {
        JsonNode error = error(server.post(CHAT, chatBody("\"model\": \"gpt\"")), 404);

        assertThat(error.at("/code").asString()).isEqualTo("model_not_found");
        assertThat(error(server.get("/v1/models/gpt"), 404).at("/code").asString())
                .isEqualTo("model_not_found");
        assertThat(TestServer.json(server.get("/v1/models/other%2Fname"))
                        .at("/id")
                        .asString())
                .isEqualTo(TestServer.MODEL);
        assertThat(TestServer.json(server.get("/v1/models/other/name"))
                        .at("/id")
                        .asString())
                .isEqualTo(TestServer.MODEL);
        error(server.get("/v1/models/%zz".replace("%zz", "%25zz")), 404);
        assertThat(TestServer.json(server.get("/v1/models")).at("/data/0/id").asString())
                .isEqualTo(TestServer.MODEL);
    }

    @Test
    void refusesOtherRoutesAndMethods() {
        error(server.get("/v2"), 404);
        error(server.get("/v1/models/"), 404);
        error(server.get("/../pom.xml"), 404);
        HttpResponse<String> get = server.get(CHAT);
        error(get, 405);
        assertThat(get.headers().firstValue("Allow")).hasValue("POST");
        HttpResponse<String> post = server.post("/health", "{}");
        error(post, 405);
        assertThat(post.headers().firstValue("Allow")).hasValue("GET, HEAD");
        HttpRequest.Builder head = server.request("/health").method("HEAD", HttpRequest.BodyPublishers.noBody());
        HttpResponse<String> health = server.send(head);
        assertThat(health.statusCode()).isEqualTo(200);
        assertThat(health.headers().firstValueAsLong("Content-Length"))
                .hasValue(server.get("/health").body().length());
        assertThat(health.body()).isEmpty();
    }

    @Test
    void refusesOtherTypesAndSizes() {
        HttpRequest.Builder form = server.request(CHAT)
                .header("Content-Type", "text/plain")
                .POST(HttpRequest.BodyPublishers.ofString(chatBody("")));
        error(server.send(form), 415);
        error(server.send(server.request(CHAT).POST(HttpRequest.BodyPublishers.ofString(chatBody("")))), 415);
        error(server.send(server.posting(CHAT, chatBody("")).header("Content-Encoding", "gzip")), 415);
        String large = "{\"user\": \"" + "x".repeat(100_000) + "\"}";
        error(server.post(CHAT, large), 413);
        byte[] bytes = large.getBytes(StandardCharsets.UTF_8);
        HttpRequest.Builder chunked = server.request(CHAT)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.fromPublisher(HttpRequest.BodyPublishers.ofByteArray(bytes)));
        error(server.send(chunked), 413);
        error(server.send(server.request("/health").header("X-Large", "x".repeat(20_000))), 431);
        error(server.get("/" + "x".repeat(5000)), 414);
        assertThat(server.get("/health").statusCode()).isEqualTo(200);
    }

    @Test
    void refusesOtherOriginsAndNames() throws IOException {
        error(server.send(server.request("/health").header("Origin", "https://example.org")), 403);
        error(server.send(server.request("/health").header("Origin", "null")), 403);
        String own = "http://127.0.0.1:" + server.server.port();
        assertThat(server.send(server.request("/health").header("Origin", own)).statusCode())
                .isEqualTo(200);
        assertThat(raw("GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"))
                .startsWith("HTTP/1.1 403");
        assertThat(raw("GET /health HTTP/1.1\r\nHost: localhost:80\r\nConnection: close\r\n\r\n"))
                .startsWith("HTTP/1.1 200");
        assertThat(raw("GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")).startsWith("HTTP/1.1 400");
        assertThat(raw("this is not HTTP\r\n\r\n")).startsWith("HTTP/1.0 400");
    }

    private static String raw(String request) throws IOException {
        try (java.net.Socket socket = new java.net.Socket(InetAddress.getLoopbackAddress(), server.server.port())) {
            socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void allowsOriginsThatItWasTold() {
        HttpRequest.Builder asking = closed.request(CHAT)
                .method("OPTIONS", HttpRequest.BodyPublishers.noBody())
                .header("Origin", "https://example.org")
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "authorization, content-type");
        HttpResponse<String> preflight = closed.send(asking);
        assertThat(preflight.statusCode()).isEqualTo(204);
        assertThat(preflight.headers().firstValue("Access-Control-Allow-Origin"))
                .hasValue("https://example.org");
        assertThat(preflight.headers().firstValue("Access-Control-Allow-Headers"))
                .hasValue("authorization, content-type");
        HttpResponse<String> refused = closed.send(closed.request(CHAT)
                .method("OPTIONS", HttpRequest.BodyPublishers.noBody())
                .header("Origin", "https://example.com")
                .header("Access-Control-Request-Method", "POST"));
        error(refused, 403);
        assertThat(refused.headers().firstValue("Access-Control-Allow-Origin")).isEmpty();
        // A browser shows a page the refusal only with this header.
        HttpResponse<String> noKey =
                closed.send(closed.posting(CHAT, chatBody("")).header("Origin", "https://example.org"));
        error(noKey, 401);
        assertThat(noKey.headers().firstValue("Access-Control-Allow-Origin")).hasValue("https://example.org");
    }

    @Test
    void needsAKeyButForHealthAndThePage() {
        HttpResponse<String> without = closed.post(CHAT, chatBody(""));
        assertThat(error(without, 401).at("/code").asString()).isEqualTo("invalid_api_key");
        assertThat(without.headers().firstValue("WWW-Authenticate")).hasValue("Bearer");
        error(closed.send(closed.request("/v1/models").header("Authorization", "Bearer third")), 401);
        error(closed.send(closed.request("/v1/models").header("Authorization", "Basic first")), 401);
        error(closed.get("/metrics"), 401);
        for (String key : List.of("Bearer first", "bearer second")) {
            assertThat(closed.send(closed.request("/v1/models").header("Authorization", key))
                            .statusCode())
                    .isEqualTo(200);
        }
        assertThat(closed.get("/health").statusCode()).isEqualTo(200);
        assertThat(closed.get("/").statusCode()).isEqualTo(200);
        assertThat(closed.get("/app.js").statusCode()).isEqualTo(200);
    }

    @Test
    void thePageLoadsNothingFromElsewhere() {
        HttpResponse<String> page = server.get("/");

        assertThat(page.headers().firstValue("Content-Type")).hasValue("text/html; charset=utf-8");
        assertThat(page.headers().firstValue("Content-Security-Policy").orElseThrow())
                .startsWith("default-src 'self'");
        assertThat(page.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
        assertThat(page.headers().firstValue("Cache-Control")).hasValue("no-cache");
        assertThat(server.get("/index.html").body()).isEqualTo(page.body());
    }

    /** Requests that are nearly right: each gets an answer or is refused, and no fault shows. */
    @Test
    void nothingThatIsSentBreaksIt() {
        List<String> seeds = List.of(
                chatBody("\"max_tokens\": 3, \"stop\": [\"a\"], \"logit_bias\": {\"65\": 1}, \"logprobs\": true,"
                        + " \"top_logprobs\": 2, \"seed\": 7, \"user\": \"u\""),
                chatBody("\"max_tokens\": 3, \"stream\": true, \"stream_options\": {\"include_usage\": true},"
                        + " \"n\": 2, \"temperature\": 0.5, \"top_p\": 0.9, \"top_k\": 5, \"min_p\": 0.1"),
                "{\"prompt\": [\"a\", \"b\"], \"max_tokens\": 2, \"logprobs\": 1, \"presence_penalty\": 1.5,"
                        + " \"response_format\": {\"type\": \"text\"}, \"acceleration\": false}",
                "{\"prompt\": [65, 66], \"max_tokens\": 2, \"show_drafts\": true, \"repetition_penalty\": 1.1}",
                "{\"tokens\": [65, 66, 300]}",
                "{\"prompt\": \"a\", \"add_special_tokens\": false}");
        List<String> paths = List.of(CHAT, "/v1/completions", "/tokenize", "/detokenize");
        List<String> parts = List.of(
                "null",
                "true",
                "-1",
                "0",
                "1e400",
                "\"\"",
                "[]",
                "{}",
                "\"\\ud800\"",
                "99999999999999999999",
                "[",
                "}",
                "\"",
                ",",
                "\\",
                "\u0000",
                "\"messages\":",
                "\"n\": 3,",
                "\\u0000",
                "é",
                "\ud83d\ude00");
        int count = Integer.getInteger("bita.fuzz.requests", 2000);
        Random random = new Random(20);
        for (int i = 0; i < count; i++) {
            StringBuilder body = new StringBuilder(seeds.get(random.nextInt(seeds.size())));
            for (int change = random.nextInt(4); change > 0; change--) {
                int at = random.nextInt(body.length() + 1);
                int end = Math.min(body.length(), at + random.nextInt(6));
                switch (random.nextInt(4)) {
                    case 0 -> body.replace(at, end, parts.get(random.nextInt(parts.size())));
                    case 1 -> body.delete(at, end);
                    case 2 -> body.insert(at, body.substring(at, end));
                    default -> body.insert(at, (char) (' ' + random.nextInt(95)));
                }
            }
            HttpResponse<String> response = server.post(paths.get(random.nextInt(paths.size())), body.toString());
            assertThat(response.statusCode())
                    .as("%s: %s", body, response.body())
                    .isIn(200, 400, 404);
            assertThat(response.body()).as(body.toString()).doesNotContain("Exception", "at bita.", "tools.jackson");
            if (response.statusCode() != 200) {
                assertThat(TestServer.json(response).at("/error/message").asString())
                        .isNotEmpty();
            }
        }
        TestServer.await(server::isIdle);
    }
}
