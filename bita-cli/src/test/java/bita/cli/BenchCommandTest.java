package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** With a model of random weights, whose figures mean nothing. */
class BenchCommandTest {
    @TempDir
    static Path home;

    private static Path model;

    @BeforeAll
    static void writeModel() throws IOException {
        model = home.resolve("tiny.gguf");
        TinyModel.write(model);
    }

    /** A bench that is over soon. */
    private static String[] args(String... more) {
        List<String> args = new ArrayList<>(List.of("bench", model.toString(), "--threads", "1"));
        if (!List.of(more).contains("--rounds")) {
            args.addAll(List.of("--rounds", "1"));
        }
        if (!List.of(more).contains("--rows")) {
            args.addAll(List.of("--rows", "2"));
        }
        args.addAll(List.of(more));
        return args.toArray(String[]::new);
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }

    @Test
    void reportsAsJson() {
        Cli.Result result = new Cli(home).run(args("--rows", "4,2,4", "--contexts", "64,16,64", "--json"));

        assertThat(result.status()).isZero();
        assertThat(result.out().lines()).hasSize(1);
        assertThat(result.err()).contains("100 %");
        JsonNode json = JsonMapper.shared().readTree(result.out());
        assertThat(json).hasSize(2);
        assertThat(json.get(0).get("context").asInt()).isEqualTo(16);
        assertThat(json.get(1).get("context").asInt()).isEqualTo(64);
        for (JsonNode context : json) {
            for (String figures : List.of("step_ms", "ideal_step_ms", "products_ms", "ideal_products_ms")) {
                JsonNode byRows = context.get(figures);
                assertThat(byRows.propertyNames()).as(figures).containsExactly("1", "2", "4");
                byRows.forEach(ms -> assertThat(ms.asDouble()).as(figures).isPositive());
            }
            for (String figure : List.of(
                    "plain_tokens_per_second",
                    "prefill_tokens_per_second",
                    "gb_per_second",
                    "gb_per_second_peak",
                    "gops",
                    "gops_cached",
                    "gops_peak")) {
                assertThat(context.get(figure).asDouble()).as(figure).isPositive();
            }
            assertThat(context.get("plain_tokens_per_second").asDouble())
                    .isCloseTo(
                            1000 / context.get("step_ms").get("1").asDouble(),
                            org.assertj.core.data.Percentage.withPercentage(0.1));
            assertThat(context.get("threads").asInt()).isEqualTo(1);
            assertThat(context.get("backend").asString()).isEqualTo("native");
            assertThat(context.get("instruction_set").asString()).isNotBlank();
            assertThat(context.get("model").asString()).isEqualTo("tiny.gguf");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"vector", "scalar"})
    void holdsOtherKernelsAgainstTheSameLimits(String backend) {
        Cli.Result result = new Cli(home).run(args("--contexts", "16", "--backend", backend, "--json"));

        JsonNode context = JsonMapper.shared().readTree(result.out()).get(0);
        assertThat(context.get("backend").asString()).isEqualTo(backend);
        assertThat(context.get("instruction_set").asString()).isEqualTo("generic");
        assertThat(context.get("step_ms").get("2").asDouble()).isPositive();
        assertThat(context.get("gb_per_second_peak").asDouble()).isPositive();
    }

    @Test
    void measuresTheContextsThatTheModelHas() {
        Cli.Result result = new Cli(home).run(args());

        assertThat(result.status()).isZero();
        assertThat(result.out().lines().filter(line -> line.startsWith("Context ")))
                .singleElement()
                .asString()
                .startsWith("Context 256: ");
    }

    @Test
    void refusesAContextThatTheModelDoesNotHave() {
        Cli.Result result = new Cli(home).run(args("--contexts", "16,257"));

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err())
                .isEqualTo("bita: the model was trained for a context of 256: --contexts cannot be 257\n");
    }

    @Test
    void refusesWhatDoesNotFitTheMemoryBeforeAllocating() {
        // A terabyte: more than machines have that run this test.
        Cli.Result result = new Cli(home)
                .run(
                        "bench",
                        "--shape",
                        "llama-70b",
                        "--format",
                        "F32",
                        "--contexts",
                        "1048576",
                        "--cache-type",
                        "f32");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).startsWith("bita: this bench needs ").contains("GB of memory", "and this machine has");
        assertThat(result.err().lines()).hasSize(1);
    }

    @Test
    void drawsSvg() throws IOException {
        Path folder = Files.createDirectory(home.resolve("svg"));
        Path plot = folder.resolve("cost.svg");
        Files.writeString(plot, "what was there before");

        Cli.Result result = new Cli(home).run(args("--plot", plot.toString()));

        assertThat(result.status()).isZero();
        assertThat(result.out()).contains("Context 256");
        assertThat(Files.readString(plot)).contains("<svg").endsWith("</svg>\n");
        assertThat(files(folder)).containsExactly(plot);
    }

    @Test
    void drawsPng() throws IOException {
        Path plot = home.resolve("cost.PNG");

        Cli.Result result = new Cli(home).run(args("--json", "--plot", plot.toString()));

        assertThat(result.status()).isZero();
        assertThat(result.out().lines()).hasSize(1);
        assertThat(ImageIO.read(plot.toFile()).getWidth()).isEqualTo(1000);
    }

    @Test
    void findsOutBeforeMeasuringThatThePlotCannotBeWritten() throws IOException {
        Path folder = Files.createDirectory(home.resolve("folder.svg"));
        for (Path plot : List.of(home.resolve("missing/cost.svg"), folder)) {
            Cli.Result result = new Cli(home).run(args("--plot", plot.toString()));

            assertThat(result.status()).isEqualTo(1);
            assertThat(result.out()).isEmpty();
            assertThat(result.err()).startsWith("bita: " + plot).contains("folder");
            assertThat(result.err().lines()).hasSize(1);
        }
    }

    @Test
    @Timeout(value = 2, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void stopsWhenInterruptedAndLeavesNoPlot() throws IOException {
        Path folder = Files.createDirectory(home.resolve("stopped"));
        Path plot = folder.resolve("cost.svg");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Terminal[] terminal = new Terminal[1];
        OutputStream interrupting = new OutputStream() {
            @Override
            public void write(int b) {
                terminal[0].interruption().request();
            }
        };
        terminal[0] = new Cli(home).terminal(out, interrupting);

        int status = Main.run(terminal[0], args("--plot", plot.toString()));

        assertThat(status).isEqualTo(130);
        assertThat(out.toString(StandardCharsets.UTF_8)).isEmpty();
        assertThat(files(folder)).isEmpty();
        assertThat(Thread.interrupted()).isFalse();
    }

    @Test
    @Timeout(value = 2, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void stopsWhileWeightsAreMade() {
        Terminal[] terminal = new Terminal[1];
        ByteArrayOutputStream shown = new ByteArrayOutputStream();
        OutputStream interrupting = new OutputStream() {
            @Override
            public void write(int b) {
                shown.write(b);
                terminal[0].interruption().request();
            }
        };
        terminal[0] = new Cli(home).terminal(new ByteArrayOutputStream(), interrupting);

        int status = Main.run(terminal[0], "bench", "--shape", "smollm2-135m", "--threads", "1");

        assertThat(status).isEqualTo(130);
        assertThat(shown.toString(StandardCharsets.UTF_8))
                .contains("10 %", "making weights")
                .doesNotContain("30 %");
    }

    /** Another process, for a platform without a native library. */
    @Test
    void inventsNoIdealsWithoutNativeLibrary() throws Exception {
        List<String> java = List.of("-Dos.arch=unheard-of", "--add-modules", "jdk.incubator.vector");
        String text = run(java, args("--contexts", "16"));
        String json = run(java, args("--contexts", "16", "--json"));

        assertThat(text)
                .contains("kernels   Vector API, 1 thread")
                .contains("limits    not measured, so there are no ideal times: no native library for ")
                .contains("-unheard-of is on the class path")
                .doesNotContain("ideal ms", "NaN");
        JsonNode context = JsonMapper.shared().readTree(json).get(0);
        assertThat(context.get("limits_unknown").asString()).contains("no native library");
        assertThat(context.has("ideal_step_ms")).isFalse();
        assertThat(context.get("step_ms").get("2").asDouble()).isPositive();
    }

    /** Loading AWT takes time that only pictures are worth. */
    @Test
    void onlyPlotsLoadAwt() throws Exception {
        Path classes = home.resolve("classes.log");
        List<String> java = List.of("-Xlog:class+load:file=" + classes);

        run(java, "run", "-m", model.toString(), "--max-tokens", "3", "Hello");
        assertThat(graphics(classes)).isEmpty();
        run(java, args("--contexts", "16"));
        assertThat(graphics(classes)).isEmpty();
        run(java, args("--contexts", "16", "--plot", home.resolve("awt.png").toString()));
        assertThat(graphics(classes)).anyMatch(line -> line.contains("java.awt."));
    }

    /** A Java without its desktop module stands in for a system that lacks what Java draws letters with. */
    @Test
    void findsOutBeforeMeasuringThatNothingCanBeDrawn() throws Exception {
        List<String> java =
                List.of("--limit-modules", "java.logging,java.net.http,java.xml,jdk.management,jdk.unsupported");
        Path plot = home.resolve("undrawn.svg");

        Process process = start(java, args("--plot", plot.toString()));

        assertThat(process.waitFor()).isEqualTo(1);
        assertThat(Files.readString(home.resolve("err")))
                .startsWith("bita: Java cannot draw pictures here (")
                .endsWith("): install fontconfig and a font such as DejaVu, or leave out --plot\n");
        assertThat(plot).doesNotExist();
    }

    /** Ctrl-C in a terminal. */
    @Test
    void endsWithItsStatusWhenTheProcessIsInterrupted() throws Exception {
        Path folder = Files.createDirectory(home.resolve("killed"));
        Process process = start(
                List.of(),
                args("--rounds", "1000", "--plot", folder.resolve("x.svg").toString()));
        while (process.isAlive() && files(folder).isEmpty()) {
            Thread.sleep(10);
        }

        assertThat(new ProcessBuilder("kill", "-INT", Long.toString(process.pid()))
                        .start()
                        .waitFor())
                .isZero();

        boolean ended = process.waitFor(1, TimeUnit.MINUTES);
        process.destroyForcibly();
        assertThat(ended)
                .as("it ends, unless the tests were started with SIGINT ignored")
                .isTrue();
        assertThat(process.exitValue()).isEqualTo(130);
        assertThat(files(folder)).isEmpty();
    }

    private static List<String> graphics(Path classes) throws IOException {
        return Files.readAllLines(classes).stream()
                .filter(line -> line.matches(".* (java\\.awt|sun\\.awt|javax\\.swing|org\\.knowm)\\..*"))
                .toList();
    }

    /** Runs the program in a Java of its own. */
    private static String run(List<String> java, String... args) throws IOException, InterruptedException {
        Process process = start(java, args);
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(Files.readString(home.resolve("err"))).isZero();
        return out;
    }

    private static Process start(List<String> java, String... args) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(java);
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path")));
        command.add(Main.class.getName());
        command.addAll(Arrays.asList(args));
        return new ProcessBuilder(command)
                .redirectError(home.resolve("err").toFile())
                .start();
    }
}
