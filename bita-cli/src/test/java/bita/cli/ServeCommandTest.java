package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import bita.model.TalkingModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ServeCommandTest {
    private static final Pattern ADDRESS = Pattern.compile("serving talking at (http://127.0.0.1:\\d+)\n");

    @TempDir
    static Path folder;

    private static Path model;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @BeforeAll
    static void write() throws IOException {
        model = TalkingModel.write(folder.resolve("talking.gguf"));
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        }
    }

    private String outText() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String address(CompletableFuture<Integer> running) throws InterruptedException {
        Matcher address = ADDRESS.matcher(outText());
        while (!address.find()) {
            assertThat(running).as(err.toString(StandardCharsets.UTF_8)).isNotDone();
            Thread.sleep(10);
            address = ADDRESS.matcher(outText());
        }
        return address.group(1);
    }

    @Test
    void servesUntilItIsTold() throws Exception {
        Terminal terminal =
                new Cli(folder).environment("BITA_API_KEY", "one,two").terminal(out, err);
        String[] arguments = {
            "serve",
            "-m",
            model.toString(),
            "--port",
            "0",
            "--adapter",
            "none",
            "--log",
            "json",
            "--log-prompts",
            "--temperature",
            "0",
            "--parallel",
            "2",
            "--plain"
        };
        CompletableFuture<Integer> running = CompletableFuture.supplyAsync(() -> Main.run(terminal, arguments));
        String address = address(running);

        assertThat(send(HttpRequest.newBuilder(URI.create(address + "/health"))).statusCode())
                .isEqualTo(200);
        HttpRequest.Builder asking = HttpRequest.newBuilder(URI.create(address + "/v1/completions"))
                .header("Authorization", "Bearer two")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"prompt\": \"Once\", \"user\": \"someone\"}"));
        HttpResponse<String> answer = send(asking);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(answer.body()).contains("\"model\":\"talking\"", "\"method\":\"plain\"");
        terminal.interruption().request();

        assertThat(running.get()).isEqualTo(Interruption.STATUS);
        assertThat(outText().lines().skip(1))
                .hasSize(2)
                .last()
                .asString()
                .contains(
                        "\"route\":\"/v1/completions\"",
                        "\"status\":200",
                        "\"user\":\"someone\"",
                        "\"prompt\":\"{\\\"prompt\\\"");
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    @Test
    void saysThatAPortIsTaken() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(taken.getLocalPort());
            Cli.Result result = new Cli(folder)
                    .run("serve", "-m", model.toString(), "--host", "127.0.0.1", "--port", port, "--adapter", "none");

            assertThat(result.status()).isEqualTo(1);
            assertThat(result.err())
                    .startsWith("bita: port " + port)
                    .contains("--port")
                    .hasLineCount(1);
            assertThat(result.out()).isEmpty();
        }
    }

    @Test
    void saysThatAHostIsUnknown() {
        Cli.Result result =
                new Cli(folder).run("serve", "-m", model.toString(), "--host", "nowhere.invalid", "--adapter", "none");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).contains("nowhere.invalid").hasLineCount(1);
    }
}
