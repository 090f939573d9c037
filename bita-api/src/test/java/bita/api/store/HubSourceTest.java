package bita.api.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HubSourceTest {

    private static final String OTHER_PATH = "/owner/repo/resolve/main/other.gguf";

    @TempDir
    Path home;

    private StoreFixture fixture;
    private byte[] content;
    private final FakeHub hub = new FakeHub();
    private final FakeHub storage = new FakeHub();
    private final Recorder recorder = new Recorder();

    @BeforeEach
    void prepare() throws IOException {
        fixture = new StoreFixture(home);
        content = fixture.content;
        fixture.env.put("HF_ENDPOINT", hub.address() + "/");
    }

    @AfterEach
    void stop() {
        hub.close();
        storage.close();
    }

    private Path pull(String name) throws IOException {
        return fixture.store().pull(name, PullOptions.DEFAULT, recorder);
    }

    private void fails(String... reasons) {
        assertThatThrownBy(() -> pull("tiny")).isInstanceOf(IOException.class).hasMessageContainingAll(reasons);
        assertThat(fixture.target()).doesNotExist();
    }

    @Test
    void downloadsTellsProgressAndLeavesNothingElse() throws IOException {
        hub.at(StoreFixture.HUB_PATH, FakeHub.ranged(content, "v1"));

        assertThat(pull("tiny")).isEqualTo(fixture.target()).hasBinaryContent(content);
        assertThat(fixture.modelFiles()).containsExactly("Tiny.Q4_1.gguf");
        assertThat(recorder.done).isSorted().startsWith(0L).endsWith(300_000L);
        assertThat(recorder.total).isEqualTo(300_000);
        assertThat(recorder.events)
                .containsExactly(
                        "started Hugging Face hub (" + hub.address().substring(7) + ")", "finished Tiny.Q4_1.gguf");

        pull("tiny-instruct");
        assertThat(hub.requests).hasSize(1);
    }

    @Test
    void sendsTheTokenToTheEndpointOnly() throws IOException {
        fixture.env.put("HF_TOKEN", "hf_secret\n");
        hub.at(StoreFixture.HUB_PATH, FakeHub.redirect("/moved", Map.of()));
        hub.at("/moved", FakeHub.redirect(storage.address() + "/blob", Map.of()));
        storage.at("/blob", FakeHub.ranged(content, "v1"));

        assertThat(pull("tiny")).hasBinaryContent(content);
        assertThat(hub.requests)
                .hasSize(2)
                .allSatisfy(r -> assertThat(r.authorization()).contains("Bearer hf_secret"));
        assertThat(storage.requests).containsExactly(new FakeHub.Request("/blob", Optional.empty(), Optional.empty()));
    }

    @Test
    void readsTheTokenOfTheHubsTools() throws IOException {
        Files.createDirectories(fixture.paths().hubToken().getParent());
        Files.writeString(fixture.paths().hubToken(), "hf_file\n");
        hub.at(StoreFixture.HUB_PATH, FakeHub.ranged(content, "v1"));

        pull("tiny");
        assertThat(hub.requests.getFirst().authorization()).contains("Bearer hf_file");
    }

    @ParameterizedTest
    @CsvSource({
        "401, set HF_TOKEN to your token",
        "403, set HF_TOKEN to your token",
        "404, has no Tiny.Q4_1.gguf in owner/Tiny-GGUF",
        "429, try again later",
        "500, has a problem (status 500)",
        "418, unexpected status 418"
    })
    void explainsRefusals(int status, String reason) throws IOException {
        hub.at(StoreFixture.HUB_PATH, FakeHub.status(status));
        fails("Cannot get tiny-instruct", reason);
        assertThat(fixture.modelFiles()).isEmpty();
    }

    @Test
    void saysThatTheTokenInUseHasNoRight() {
        fixture.env.put("HF_TOKEN", "hf_secret");
        hub.at(StoreFixture.HUB_PATH, FakeHub.status(403));
        assertThatThrownBy(() -> pull("tiny"))
                .hasMessageContaining("the token in use has no right to it")
                .hasMessageNotContaining("hf_secret");
    }

    @Test
    void resumesABrokenTransferAtOnce() throws IOException {
        hub.at(
                StoreFixture.HUB_PATH,
                exchange -> (hub.requests.size() == 1
                                ? FakeHub.cut(content, "v1", 100_000)
                                : FakeHub.ranged(content, "v1"))
                        .send(exchange));

        assertThat(pull("tiny")).hasBinaryContent(content);
        assertThat(hub.requests).hasSize(2);
        assertThat(hub.requests.get(1).range()).contains("bytes=100000-");
        assertThat(fixture.modelFiles()).containsExactly("Tiny.Q4_1.gguf");
    }

    /** A first run that gets 100 000 bytes and ends. */
    private void breakOff(String etag) {
        hub.at(StoreFixture.HUB_PATH, FakeHub.cut(content, etag, 100_000));
        fails("the connection broke before the end of the file");
        assertThat(fixture.part()).hasSize(100_000);
        hub.requests.clear();
    }

    @Test
    void resumesWhatAnEarlierRunLeft() throws IOException {
        fixture.env.put("HF_TOKEN", "t");
        breakOff("v1");
        hub.at(StoreFixture.HUB_PATH, FakeHub.redirect(storage.address() + "/blob", Map.of("X-Linked-Etag", "\"v1\"")));
        storage.at("/blob", FakeHub.ranged(content, "another name"));

        assertThat(pull("tiny")).hasBinaryContent(content);
        assertThat(storage.requests)
                .containsExactly(new FakeHub.Request("/blob", Optional.empty(), Optional.of("bytes=100000-")));
    }

    @Test
    void startsOverWhenTheFileHasChanged() throws IOException {
        breakOff("v0");
        hub.at(StoreFixture.HUB_PATH, FakeHub.ranged(content, "v1"));

        assertThat(pull("tiny")).hasBinaryContent(content);
        assertThat(hub.requests)
                .extracting(FakeHub.Request::range)
                .containsExactly(Optional.of("bytes=100000-"), Optional.empty());
    }

    @Test
    void startsOverWhenTheHubSaysSoBeforeTheStorageIsAsked() throws IOException {
        breakOff("v0");
        hub.at(StoreFixture.HUB_PATH, FakeHub.redirect(storage.address() + "/blob", Map.of("X-Linked-Etag", "\"v1\"")));
        storage.at("/blob", FakeHub.ranged(content, "v0"));

        assertThat(pull("tiny")).hasBinaryContent(content);
        assertThat(storage.requests).extracting(FakeHub.Request::range).containsExactly(Optional.empty());
    }

    @Test
    void startsOverWhenTheServerKnowsNoRanges() throws IOException {
        breakOff("v1");
        hub.at(StoreFixture.HUB_PATH, FakeHub.whole(content));
        assertThat(pull("tiny")).hasBinaryContent(content);
    }

    @Test
    void keepsNothingThatCannotBeResumed() throws IOException {
        hub.at(StoreFixture.HUB_PATH, exchange -> {
            exchange.sendResponseHeaders(200, content.length);
            exchange.getResponseBody().write(content, 0, 1000);
            exchange.getResponseBody().flush();
        });
        fails("the connection broke");
        assertThat(fixture.modelFiles()).isEmpty();
    }

    @Test
    void replacesAPartOfUnknownOrigin() throws IOException {
        Files.createDirectories(fixture.paths().models());
        Files.write(fixture.part(), new byte[1234]);
        hub.at(StoreFixture.HUB_PATH, FakeHub.ranged(content, "v1"));

        assertThat(pull("tiny")).hasBinaryContent(content);
        assertThat(hub.requests).extracting(FakeHub.Request::range).containsExactly(Optional.empty());
    }

    @Test
    void startsOverWhenAResumedFileHasTheWrongHash() throws IOException {
        breakOff("v1");
        Files.write(fixture.part(), new byte[100_000]);
        hub.at(StoreFixture.HUB_PATH, FakeHub.ranged(content, "v1"));

        assertThat(pull("tiny")).hasBinaryContent(content);
        assertThat(hub.requests).hasSize(2);
    }

    @Test
    void deletesAFileWithTheWrongHash() throws IOException {
        byte[] wrong = content.clone();
        wrong[299_999]++;
        hub.at(StoreFixture.HUB_PATH, FakeHub.ranged(wrong, "v1"));
        fails("instead of " + fixture.model.sha256(), "deleted");
        assertThat(fixture.modelFiles()).isEmpty();
    }

    @Test
    void refusesAnotherSizeBeforeItIsDownloaded() throws IOException {
        hub.at(StoreFixture.HUB_PATH, FakeHub.ranged(Arrays.copyOf(content, 299_999), "v1"));
        fails("its file now has 299999 bytes instead of 300000");
        assertThat(recorder.done).isEmpty();
    }

    @Test
    void refusesAnotherHashBeforeItIsDownloaded() {
        hub.at(
                StoreFixture.HUB_PATH,
                FakeHub.redirect(storage.address() + "/blob", Map.of("X-Linked-Etag", "\"" + "a".repeat(64) + "\"")));
        storage.at("/blob", FakeHub.ranged(content, "v1"));
        fails("its file now has the SHA-256 " + "a".repeat(64));
        assertThat(recorder.done).isEmpty();
    }

    @Test
    void givesUpOnASilentConnectionAndResumesLater() throws IOException {
        hub.at(StoreFixture.HUB_PATH, FakeHub.stalled(content, "v1", 100_000));
        fails("the connection stalled: not a byte in 0.5 s");
        hub.at(StoreFixture.HUB_PATH, FakeHub.ranged(content, "v1"));
        assertThat(pull("tiny")).hasBinaryContent(content);
        assertThat(hub.requests.getLast().range()).contains("bytes=100000-");
    }

    @Test
    void givesUpOnAServerThatDoesNotAnswer() {
        hub.at(StoreFixture.HUB_PATH, exchange -> {
            try {
                Thread.sleep(10_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        fails("does not answer within 0.5 s");
    }

    @Test
    void saysThatThereIsNoConnection() {
        fixture.env.put("HF_ENDPOINT", "http://127.0.0.1:1");
        fails("no connection to 127.0.0.1:1");
        fixture.env.put("HF_ENDPOINT", "http://no-such-host.invalid");
        fails("the name of the host no-such-host.invalid cannot be resolved");
    }

    @Test
    void refusesAnEndpointThatIsNone() {
        fixture.env.put("HF_ENDPOINT", "huggingface.co");
        fails("HF_ENDPOINT is 'huggingface.co', which is not an http or https address");
    }

    @Test
    void limitsRedirects() {
        hub.at(StoreFixture.HUB_PATH, FakeHub.redirect(StoreFixture.HUB_PATH, Map.of()));
        fails("redirects more than 5 times");
        hub.at(StoreFixture.HUB_PATH, FakeHub.redirect("file:///etc/passwd", Map.of()));
        fails("it redirects to file:///etc/passwd, which is not followed");
    }

    @Test
    void takesTheHashOfOtherFilesFromTheHub() throws IOException {
        String told = "\"" + fixture.model.sha256() + "\"";
        hub.at(OTHER_PATH, FakeHub.redirect(storage.address() + "/blob", Map.of("X-Linked-Etag", told)));
        storage.at("/blob", FakeHub.whole(content));
        assertThat(pull("owner/repo/other.gguf"))
                .isEqualTo(fixture.paths().models().resolve("owner/repo/other.gguf"))
                .hasBinaryContent(content);
        assertThat(fixture.store().stored("owner/repo/other.gguf")).isPresent();
    }

    @Test
    void checksTheHashOfOtherFiles() throws IOException {
        String told = "\"" + "b".repeat(64) + "\"";
        hub.at(OTHER_PATH, FakeHub.redirect(storage.address() + "/blob", Map.of("X-Linked-Etag", told)));
        storage.at("/blob", FakeHub.whole(content));
        assertThatThrownBy(() -> pull("owner/repo/other.gguf"))
                .hasMessageContainingAll("which is no file on this machine", "instead of " + "b".repeat(64));
        assertThat(fixture.modelFiles()).isEmpty();
    }

    @Test
    void refusesWhatDoesNotFitOnTheDisk() throws IOException {
        long huge = 1L << 58;
        hub.at(OTHER_PATH, exchange -> {
            exchange.sendResponseHeaders(200, huge);
            exchange.getResponseBody().flush();
        });
        assertThatThrownBy(() -> pull("owner/repo/other.gguf"))
                .hasMessageStartingWith(
                        "Not enough disk space in " + fixture.paths().models())
                .hasMessageContaining("288.2 PB are needed");
        assertThat(fixture.modelFiles()).isEmpty();
    }

    @Test
    void anInterruptEndsItAndKeepsWhatCanBeResumed() throws Exception {
        hub.at(StoreFixture.HUB_PATH, FakeHub.stalled(content, "v1", 100_000));
        Recorder interrupting = new Recorder() {
            @Override
            public void progress(long doneBytes, long totalBytes) {
                if (doneBytes == 100_000) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        assertThatThrownBy(() -> fixture.store().pull("tiny", PullOptions.DEFAULT, interrupting))
                .isInstanceOf(InterruptedIOException.class)
                .hasMessage("Interrupted while getting tiny-instruct.");
        assertThat(Thread.interrupted()).isTrue();
        assertThat(fixture.modelFiles()).containsExactly("Tiny.Q4_1.gguf.part", "Tiny.Q4_1.gguf.part.json");
    }
}
