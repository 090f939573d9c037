package bita.server;

import static org.assertj.core.api.Assertions.assertThat;

import bita.api.AdapterChoice;
import bita.api.BatchOptions;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.model.TalkingModel;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.logging.Level;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.JavascriptExecutor;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The page, in Chromium, with a server behind it. */
class WebPageTest {
    private static final JsonMapper JSON = new JsonMapper();
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Queue<Throwable> PROBLEMS = new ConcurrentLinkedQueue<>();

    @TempDir
    private static Path folder;

    private static LanguageModel model;
    private static BitaServer server;
    private static String url;

    private ChromeDriver browser;

    @BeforeAll
    static void serve() throws IOException {
        Assumptions.assumeTrue(
                Stream.of(chromium(), driver()).allMatch(Files::isExecutable),
                "chromium and chromedriver are not installed in /usr/bin: the page is not tested");
        LoadOptions options =
                LoadOptions.automatic().withAdapter(new AdapterChoice.None()).withThreads(2);
        model = LanguageModel.load(TalkingModel.write(folder.resolve("talking.gguf")), options);
        server = BitaServer.start(
                model, ServerOptions.of("talking", BatchOptions.of(2)), RequestLog.NONE, PROBLEMS::add);
        url = "http://127.0.0.1:" + server.port();
    }

    @AfterAll
    static void end() {
        if (server != null) {
            server.close();
        }
        if (model != null) {
            model.close();
        }
    }

    private static Path chromium() {
        return Path.of("/usr/bin/chromium");
    }

    private static Path driver() {
        return Path.of("/usr/bin/chromedriver");
    }

    @BeforeEach
    void open() {
        LoggingPreferences logs = new LoggingPreferences();
        logs.enable(LogType.BROWSER, Level.ALL);
        ChromeOptions options = new ChromeOptions();
        options.setBinary(chromium().toString());
        options.addArguments(
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--window-size=1100,800");
        options.setCapability(ChromeOptions.LOGGING_PREFS, logs);
        browser = new ChromeDriver(
                new ChromeDriverService.Builder()
                        .usingDriverExecutable(driver().toFile())
                        .build(),
                options);
        browser.get(url);
    }

    @AfterEach
    void close() {
        List<LogEntry> errors = browser.manage().logs().get(LogType.BROWSER).getAll().stream()
                .filter(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue())
                .toList();
        browser.quit();
        assertThat(errors).isEmpty();
        assertThat(PROBLEMS).isEmpty();
    }

    private WebElement at(String selector) {
        return browser.findElement(By.cssSelector(selector));
    }

    private List<WebElement> all(String selector) {
        return browser.findElements(By.cssSelector(selector));
    }

    private Object script(String text) {
        return Objects.requireNonNull(((JavascriptExecutor) browser).executeScript(text));
    }

    /** What the page shows as it came, white space and all. */
    private String text(String selector) {
        return Objects.requireNonNull(at(selector).getDomProperty("textContent"));
    }

    private static void await(BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("waited for %s", PATIENCE).isLessThan(end);
            LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
        }
    }

    /** Greedy, and so many tokens. */
    private void settings(int tokens) {
        at("#open-settings").click();
        type("#temperature", "0");
        type("#max_tokens", Integer.toString(tokens));
        at("#settings button.main").click();
        await(() -> !at("#settings").isDisplayed());
    }

    private void type(String selector, String text) {
        at(selector).clear();
        at(selector).sendKeys(text);
    }

    private void send(String message) {
        at("#message").sendKeys(message, Keys.ENTER);
    }

    private void awaitEnd() {
        await(() -> !all(".turn").isEmpty() && !at("#stop").isDisplayed());
    }

    private static String answer(String message, int tokens) throws IOException, InterruptedException {
        String body = JSON.writeValueAsString(JSON.createObjectNode()
                .put("temperature", 0)
                .put("max_tokens", tokens)
                .set(
                        "messages",
                        JSON.createArrayNode()
                                .add(JSON.createObjectNode().put("role", "user").put("content", message))));
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v1/chat/completions"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        try (HttpClient client = HttpClient.newHttpClient()) {
            JsonNode answer = JSON.readTree(
                    client.send(request, HttpResponse.BodyHandlers.ofString()).body());
            return answer.at("/choices/0/message/content").asString();
        }
    }

    private void assertNothingOverflows() {
        assertThat(script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
                .isEqualTo(true);
    }

    @Test
    void showsTheTextThatTheServerGives() throws Exception {
        String expected = answer("What is a word?", 60);
        at("#drafts").click();
        settings(60);

        send("What is a word?");
        awaitEnd();

        assertThat(expected).isNotEmpty();
        assertThat(text(".body")).isEqualTo(expected);
        assertThat(text(".figures")).contains("tokens/s", "tokens/step");
    }

    @Test
    void stopsAnAnswer() {
        at("#drafts").click();
        settings(4000);
        // The page itself clicks, at the first text: the tiny model may have come to its end before the driver does.
        script("""
                const stop = document.querySelector('#stop');
                new MutationObserver((changes, observer) => {
                  if (document.querySelector('.body')?.textContent && stop.checkVisibility()) {
                    observer.disconnect();
                    stop.click();
                  }
                }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
                return true;
                """);

        send("Go on for ever");
        awaitEnd();

        assertThat(text(".state")).isEqualTo("Stopped.");
        assertThat(text(".body")).isNotEmpty();
    }

    @Test
    void coloursWhatWasDraftedAlsoAfterwards() {
        settings(200);
        send("Say it again and again");
        awaitEnd();
        assertThat(all(".body .piece")).isEmpty();

        at("#drafts").click();

        List<WebElement> pieces = all(".body .piece");
        assertThat(pieces).isNotEmpty();
        assertThat(pieces).allSatisfy(piece -> {
            assertThat(piece.getDomAttribute("data-source"))
                    .isIn("mask", "automaton", "recycling", "bigram", "lookup", "lookahead");
            assertThat(piece.getDomProperty("title")).contains("depth");
        });
        assertThat(pieces.getFirst().getCssValue("background-color"))
                .isNotEqualTo(at(".body").getCssValue("background-color"));
    }

    @Test
    void comparesWithPlainDecoding() {
        settings(100);
        send("Say it again and again");
        awaitEnd();

        at(".compare").click();
        await(() -> !all(".verdict.good, .verdict.bad").isEmpty());

        assertThat(text(".verdict")).contains("same text");
    }

    @Test
    void remembersTheConversationAndTheColours() {
        settings(5);
        send("Remember this");
        awaitEnd();
        String ground = at("body").getCssValue("background-color");
        at("#theme").click();
        String chosen = at("body").getCssValue("background-color");

        browser.navigate().refresh();

        assertThat(chosen).isNotEqualTo(ground);
        assertThat(at("body").getCssValue("background-color")).isEqualTo(chosen);
        assertThat(text(".said")).isEqualTo("Remember this");
    }

    @Test
    void fitsASmallPhone() {
        browser.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", 360, "height", 640, "deviceScaleFactor", 1, "mobile", true));
        assertThat(script("return innerWidth")).isEqualTo(360L);
        assertNothingOverflows();

        settings(40);
        at("#drafts").click();
        send("W".repeat(200));
        awaitEnd();
        assertNothingOverflows();

        at("#open-settings").click();
        assertNothingOverflows();
    }

    @Test
    void showsMarkupAsText() {
        String markup = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>";
        settings(5);

        send(markup);
        awaitEnd();

        assertThat(text(".said")).isEqualTo(markup);
        assertThat(all(".turn img, .turn script")).isEmpty();
        assertThat(browser.getTitle()).isEqualTo("BiTA");
    }

    @Test
    void saysWhatIsWrongWithASetting() {
        at("#open-settings").click();
        type("#temperature", "3");
        at("#settings button.main").click();

        assertThat(at("#settings").isDisplayed()).isTrue();
        assertThat(at("#temperature-wrong").getText()).isEqualTo("Must be a number from 0 to 2.");
    }
}
