package bita.api.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelStoreTest {

    @TempDir
    Path home;

    private StoreFixture fixture;

    @BeforeEach
    void prepare() throws IOException {
        fixture = new StoreFixture(home);
    }

    private Path resolve(String name) throws IOException {
        return fixture.store().resolve(name, PullOptions.OFFLINE, PullListener.NONE);
    }

    private Path put(String name, byte[] bytes) throws IOException {
        Path file = fixture.paths().models().resolve(name);
        Files.createDirectories(file.getParent());
        return Files.write(file, bytes);
    }

    @Test
    void anExistingPathWins() throws IOException {
        Path file = Files.write(home.resolve("own.gguf"), new byte[3]);
        assertThat(resolve(file.toString())).isEqualTo(file);
        assertThat(resolve(home.toString())).isEqualTo(home);
    }

    @Test
    void findsStoredModelsByEveryName() throws IOException {
        Path known = put("Tiny.Q4_1.gguf", fixture.content);
        Path other = put("owner/repo/other.gguf", new byte[5]);
        Path own = put("mine.gguf", new byte[6]);
        for (String name : List.of("tiny", "tiny-instruct", "TINY", "owner/Tiny-GGUF/Tiny.Q4_1.gguf")) {
            assertThat(resolve(name)).isEqualTo(known);
        }
        assertThat(resolve("owner/repo/other.gguf")).isEqualTo(other);
        assertThat(resolve("mine")).isEqualTo(own);
        assertThat(resolve("mine.gguf")).isEqualTo(own);
        assertThat(fixture.store().stored("nothing")).isEmpty();
    }

    @Test
    void listsModelsAndAdapters() throws IOException {
        put("Tiny.Q4_1.gguf", fixture.content);
        put("Tiny.Q4_1.gguf.part", new byte[9]);
        put("owner/repo/other.gguf", new byte[5]);
        put("folder/config.json", new byte[7]);
        put("folder/model.safetensors", new byte[8]);
        Files.createDirectories(fixture.paths().adapters());
        Files.write(fixture.paths().adapters().resolve("mine.safetensors"), new byte[2]);

        assertThat(fixture.store().list())
                .extracting(m -> m.name() + " " + m.bytes())
                .containsExactly("folder 15", "owner/repo/other.gguf 5", "tiny-instruct 300000");
        assertThat(fixture.store().adapters())
                .extracting(a -> a.name() + " " + a.bytes())
                .containsExactly("mine 2");
        assertThat(resolve("folder")).isEqualTo(fixture.paths().models().resolve("folder"));
    }

    @Test
    void anEmptyStoreIsNoError() throws IOException {
        assertThat(fixture.store().list()).isEmpty();
        assertThat(fixture.store().adapters()).isEmpty();
    }

    @Test
    void suggestsTheNameThatWasMeant() {
        assertThatThrownBy(() -> resolve("tinny"))
                .isInstanceOf(FileNotFoundException.class)
                .hasMessage("There is no model called 'tinny'; did you mean 'tiny'? Known models: tiny, tiny-instruct; "
                        + "else give the path of a GGUF file or of a safetensors folder, or owner/repo/file.gguf of "
                        + "the Hugging Face hub.");
        assertThatThrownBy(() -> resolve("./missing.gguf"))
                .isInstanceOf(FileNotFoundException.class)
                .hasMessageStartingWith("There is no file or folder './missing.gguf'. Known models: tiny,");
        assertThatThrownBy(() -> resolve("src")).hasMessageContaining("did you mean the file or folder './src'?");
        assertThatThrownBy(() -> resolve("../a/b.gguf")).isInstanceOf(FileNotFoundException.class);
        assertThatThrownBy(() -> resolve("")).isInstanceOf(FileNotFoundException.class);
    }

    @Test
    void offlineAsksNobody() {
        try (FakeHub hub = new FakeHub()) {
            fixture.env.put("HF_ENDPOINT", hub.address());
            assertThatThrownBy(() -> resolve("tiny"))
                    .hasMessage("Cannot get tiny-instruct:\n  Hugging Face cache ("
                            + fixture.paths().hubCache() + "): has no copy\n  Hugging Face hub ("
                            + hub.address().substring(7)
                            + "): not asked, because of offline mode\n  Python package llm-tiny 1.0 (pip): not asked, "
                            + "because of offline mode\nLeave out --offline (or HF_HUB_OFFLINE) to let it be "
                            + "downloaded.");
            fixture.env.put("HF_HUB_OFFLINE", "1");
            assertThatThrownBy(() -> fixture.store().pull("tiny", PullOptions.DEFAULT, PullListener.NONE))
                    .hasMessageContaining("because of offline mode");
            assertThat(hub.requests).isEmpty();
        }
    }

    @Test
    void namesEverySourceThatFailed() {
        Recorder recorder = new Recorder();
        assertThatThrownBy(() -> fixture.store().pull("tiny", PullOptions.DEFAULT, recorder))
                .hasMessageContainingAll(
                        "Hugging Face cache (", "no connection to 127.0.0.1:1", "there is no python3, python or pip");
        assertThat(recorder.events)
                .extracting(e -> e.substring(0, e.indexOf(' ')))
                .containsExactly("started", "failed", "started", "failed");
    }

    /** Puts a file into the hub's cache the way its tools do. */
    private void cache(String repository, String file, String commit, String blob, byte[] bytes) throws IOException {
        Path folder = fixture.paths().hubCache().resolve("models--" + repository.replace("/", "--"));
        Path blobFile = folder.resolve("blobs", blob);
        Path link = folder.resolve("snapshots", commit, file);
        Files.createDirectories(blobFile.getParent());
        Files.createDirectories(link.getParent());
        Files.createDirectories(folder.resolve("refs"));
        Files.write(blobFile, bytes);
        Files.createSymbolicLink(link, Siblings.folder(link).relativize(blobFile));
        Files.writeString(folder.resolve("refs", "main"), commit);
    }

    @Test
    void takesACopyOutOfTheHubsCache() throws IOException {
        byte[] damaged = fixture.content.clone();
        damaged[0]++;
        cache("owner/Tiny-GGUF", "Tiny.Q4_1.gguf", "c1", "x", damaged);
        cache("owner/Tiny-GGUF", "Tiny.Q4_1.gguf", "c2", "y", fixture.content);
        assertThat(resolve("tiny")).isEqualTo(fixture.target()).hasBinaryContent(fixture.content);
        assertThat(fixture.modelFiles()).containsExactly("Tiny.Q4_1.gguf");
    }

    @Test
    void takesNoDamagedCopyOutOfTheHubsCache() throws IOException {
        byte[] damaged = fixture.content.clone();
        damaged[0]++;
        cache("owner/Tiny-GGUF", "Tiny.Q4_1.gguf", "c1", "x", damaged);
        assertThatThrownBy(() -> resolve("tiny")).hasMessageContaining("its copy is damaged");
        assertThat(fixture.modelFiles()).isEmpty();
    }

    @Test
    void checksOtherFilesOfTheHubsCacheByTheirBlob() throws IOException {
        cache("o/r", "f.gguf", "c1", fixture.model.sha256(), fixture.content);
        assertThat(resolve("o/r/f.gguf")).hasBinaryContent(fixture.content);
        cache("o/other", "f.gguf", "c1", "0".repeat(64), fixture.content);
        assertThatThrownBy(() -> resolve("o/other/f.gguf")).hasMessageContaining("its copy is damaged");
        cache("o/unnamed", "f.gguf", "c1", "blob", fixture.content);
        assertThatThrownBy(() -> resolve("o/unnamed/f.gguf")).hasMessageContaining("has no copy");
    }

    @Test
    void replacesAStoredFileThatIsDamaged() throws IOException {
        put("Tiny.Q4_1.gguf", new byte[300_000]);
        cache("owner/Tiny-GGUF", "Tiny.Q4_1.gguf", "c1", "x", fixture.content);
        Path file = fixture.store().pull("tiny", PullOptions.OFFLINE, PullListener.NONE);
        assertThat(file).hasBinaryContent(fixture.content);
    }

    @Test
    void twoPullsAtOnceDownloadOnce() throws Exception {
        CountDownLatch secondWaits = new CountDownLatch(1);
        Recorder recorder = new Recorder() {
            @Override
            public void waiting(String reason) {
                super.waiting(reason);
                secondWaits.countDown();
            }
        };
        try (FakeHub hub = new FakeHub();
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            fixture.env.put("HF_ENDPOINT", hub.address());
            hub.at(StoreFixture.HUB_PATH, exchange -> {
                try {
                    secondWaits.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                FakeHub.ranged(fixture.content, "v1").send(exchange);
            });
            ModelStore first =
                    new ModelStore(fixture.paths(), fixture.env, List.of(fixture.model), HubSettings.Limits.STANDARD);
            ModelStore second =
                    new ModelStore(fixture.paths(), fixture.env, List.of(fixture.model), HubSettings.Limits.STANDARD);
            List<Future<Path>> pulls = new ArrayList<>();
            for (ModelStore store : List.of(first, second)) {
                Callable<Path> pull = () -> store.pull("tiny", PullOptions.DEFAULT, recorder);
                pulls.add(threads.submit(pull));
            }
            for (Future<Path> pull : pulls) {
                assertThat(pull.get()).hasBinaryContent(fixture.content);
            }
            assertThat(hub.requests).hasSize(1);
            assertThat(recorder.events).contains("waiting another download of tiny-instruct is under way");
        }
    }

    @Test
    void theCatalogueNamesTheDefault() {
        assertThat(CatalogModel.ALL).contains(CatalogModel.DEFAULT);
        assertThat(CatalogModel.DEFAULT.isCalled("smollm2-135m")).isTrue();
        assertThat(HubFile.parse(CatalogModel.DEFAULT.hub().toString())).contains(CatalogModel.DEFAULT.hub());
    }

    @Test
    void hubReferencesStayInTheirFolder() {
        for (String name : List.of("a/b.gguf", "a/../b.gguf", "../a/b.gguf", "/a/b/c.gguf", "a/b/c.bin", "a//b.gguf")) {
            assertThat(HubFile.parse(name)).isEmpty();
        }
        assertThat(HubFile.parse("a/b/c/d.gguf")).contains(new HubFile("a/b", "c/d.gguf"));
    }
}
