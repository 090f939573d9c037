package bita.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import bita.api.AdapterChoice;
import bita.api.BatchOptions;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.model.TalkingModel;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Clients of others talk to the server. Those for Python and Node are installed from their registries. */
@Timeout(300)
class OpenAiClientsTest {
    private static final String KEY = "secret";
    private static final String PYTHON_CLIENT = "openai==3.57.0";
    private static final String NODE_CLIENT = "openai@6.49.0";
    private static final Path SCRIPTS = Path.of("src/test/clients").toAbsolutePath();

    @TempDir
    static Path folder;

    private static final ConcurrentLinkedQueue<Throwable> PROBLEMS = new ConcurrentLinkedQueue<>();
    private static LanguageModel model;
    private static BitaServer server;

    @BeforeAll
    static void serve() throws IOException {
        LoadOptions load =
                LoadOptions.automatic().withAdapter(new AdapterChoice.None()).withThreads(2);
        model = LanguageModel.load(TalkingModel.write(folder.resolve("talking.gguf")), load);
        ServerOptions options =
                ServerOptions.of("talking", BatchOptions.of(8).withKept(8)).withApiKeys(List.of(KEY));
        server = BitaServer.start(model, options, RequestLog.NONE, PROBLEMS::add);
    }

    @AfterAll
    static void stop() {
        server.close();
        model.close();
        assertThat(PROBLEMS).isEmpty();
    }

    private static String address() {
        return "http://127.0.0.1:" + server.port();
    }

    /** What a process has printed, and its status. */
    private record Ended(int status, String output) {}

    private static Ended run(Path where, String... command) throws IOException, InterruptedException {
        Path log = Files.createTempFile(folder, "output", ".txt");
        Process process = new ProcessBuilder(command)
                .directory(where.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            boolean ended = process.waitFor(240, TimeUnit.SECONDS);
            return new Ended(ended ? process.exitValue() : -1, Files.readString(log));
        } finally {
            process.destroyForcibly();
        }
    }

    /** Ends the test as one that could not run, and says why, where what it needs cannot be had. */
    private static void prepare(String need, Path where, String... command) throws InterruptedException {
        Ended ended;
        try {
            ended = run(where, command);
        } catch (IOException e) {
            ended = new Ended(-1, String.valueOf(e.getMessage()));
        }
        assumeTrue(ended.status() == 0, need + ": " + String.join(" ", command) + " failed: " + ended.output());
    }

    private static void check(Ended ended) {
        assertThat(ended.status()).as(ended.output()).isZero();
        assertThat(ended.output()).contains("checks passed").doesNotContain("FAILED");
    }

    @Test
    void openAisPythonClient() throws Exception {
        Path environment = folder.resolve("python");
        prepare(
                "this test needs Python 3 with its module venv",
                folder,
                "python3",
                "-m",
                "venv",
                environment.toString());
        String python = environment.resolve("bin/python").toString();
        prepare("this test needs a Python package index", folder, python, "-m", "pip", "install", "-q", PYTHON_CLIENT);

        String script = SCRIPTS.resolve("openai_client.py").toString();
        check(run(folder, python, script, address(), "--api-key", KEY));
    }

    @Test
    void openAisNodeClient() throws Exception {
        Path packages = Files.createDirectory(folder.resolve("node"));
        prepare("this test needs Node and npm", packages, "npm", "--version");
        prepare(
                "this test needs an npm registry",
                packages,
                "npm",
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                NODE_CLIENT);
        // Node looks for packages beside the script.
        Path script = Files.copy(SCRIPTS.resolve("openai_client.mjs"), packages.resolve("openai_client.mjs"));

        check(run(packages, "node", script.toString(), address(), "--api-key", KEY));
    }

    private static OpenAiChatModel.OpenAiChatModelBuilder langChain() {
        return OpenAiChatModel.builder()
                .baseUrl(address() + "/v1")
                .apiKey(KEY)
                .modelName("talking")
                .maxRetries(0)
                .timeout(Duration.ofSeconds(60));
    }

    private static OpenAiStreamingChatModel.OpenAiStreamingChatModelBuilder langChainStream() {
        return OpenAiStreamingChatModel.builder()
                .baseUrl(address() + "/v1")
                .apiKey(KEY)
                .modelName("talking")
                .temperature(1.0)
                .seed(5);
    }

    @Test
    void langChain4jsClient() {
        OpenAiChatModel chat =
                langChain().temperature(1.0).seed(5).maxCompletionTokens(20).build();
        ChatResponse response = chat.chat(
                SystemMessage.from("Be brief."),
                UserMessage.from("Hello"),
                AiMessage.from("Yes?"),
                UserMessage.from("Go on."));
        assertThat(response.aiMessage().text()).isNotEmpty();
        assertThat(response.modelName()).isEqualTo("talking");
        assertThat(response.tokenUsage().outputTokenCount()).isBetween(1, 20);
        assertThat(chat.chat("Hello")).isEqualTo(chat.chat("Hello"));
    }

    @Test
    void langChain4jsStreamingClient() throws Exception {
        OpenAiStreamingChatModel streaming =
                langChainStream().maxCompletionTokens(20).build();
        StringBuilder pieces = new StringBuilder();
        CompletableFuture<ChatResponse> whole = new CompletableFuture<>();
        streaming.chat("Hello", new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String piece) {
                pieces.append(piece);
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                whole.complete(response);
            }

            @Override
            public void onError(Throwable error) {
                whole.completeExceptionally(error);
            }
        });
        ChatResponse response = whole.get();

        OpenAiChatModel chat =
                langChain().temperature(1.0).seed(5).maxCompletionTokens(20).build();
        assertThat(response.aiMessage().text()).isEqualTo(pieces.toString()).isEqualTo(chat.chat("Hello"));
        assertThat(response.tokenUsage().outputTokenCount()).isBetween(1, 20);
    }

    @Test
    void langChain4jsClientAsksForJson() {
        JsonSchema schema = JsonSchema.builder()
                .name("thing")
                .rootElement(JsonObjectSchema.builder()
                        .addBooleanProperty("round")
                        .addEnumProperty("colour", List.of("red", "blue"))
                        .required("round", "colour")
                        .additionalProperties(false)
                        .build())
                .build();
        OpenAiChatModel chat = langChain()
                .temperature(1.0)
                .seed(5)
                .strictJsonSchema(true)
                .responseFormat(ResponseFormat.builder()
                        .type(ResponseFormatType.JSON)
                        .jsonSchema(schema)
                        .build())
                .build();
        assertThat(chat.chat("A thing").replaceAll("\\s", ""))
                .matches("\\{\"round\":(true|false),\"colour\":\"(red|blue)\"}");
    }

    @Test
    void langChain4jsStreamIsCancelled() throws Exception {
        CompletableFuture<Boolean> cancelled = new CompletableFuture<>();
        langChainStream()
                .logitBias(Map.of(Integer.toString(TalkingModel.END), -100))
                .build()
                .chat("Hello", new StreamingChatResponseHandler() {
                    @Override
                    public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
                        context.streamingHandle().cancel();
                        cancelled.complete(true);
                    }

                    @Override
                    public void onCompleteResponse(ChatResponse response) {
                        cancelled.complete(false);
                    }

                    @Override
                    public void onError(Throwable error) {
                        cancelled.completeExceptionally(error);
                    }
                });
        assertThat(cancelled.get()).isTrue();
        TestServer.await(() -> server.service().running() == 0);
    }

    @Test
    void langChain4jsClientKnowsTheErrors() {
        assertThatThrownBy(() -> langChain().temperature(7.0).build().chat("Hello"))
                .isInstanceOf(InvalidRequestException.class);
        assertThatThrownBy(() -> langChain().modelName("nobody").build().chat("Hello"))
                .isInstanceOf(ModelNotFoundException.class);
        assertThatThrownBy(() -> langChain().apiKey("wrong").build().chat("Hello"))
                .isInstanceOf(AuthenticationException.class);
    }
}
