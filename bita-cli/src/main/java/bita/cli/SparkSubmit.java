package bita.cli;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Commands on many machines: {@code --spark MASTER} starts Apache Spark's own {@code spark-submit} with the jar of
 * {@code bita-spark}, to which all other options go. Nothing of Spark is on this program's class path.
 */
final class SparkSubmit {
    private static final String OPTION = "--spark";
    private static final String CLASS = "bita.spark.Main";
    private static final String JAR = "BITA_SPARK_JAR";
    private static final List<String> COMMANDS = List.of("distill", "tune", "eval");

    private final Terminal terminal;

    SparkSubmit(Terminal terminal) {
        this.terminal = terminal;
    }

    /** Whether a command is to run on Spark. */
    static boolean isAsked(String... arguments) {
        return arguments.length > 0
                && COMMANDS.contains(arguments[0])
                && Arrays.stream(arguments).anyMatch(a -> a.equals(OPTION) || a.startsWith(OPTION + "="));
    }

    /**
     * Runs a command on Spark.
     *
     * @return its exit status
     * @throws IOException if Spark or the jar is missing; the message says what to do
     */
    int run(String... arguments) throws IOException, InterruptedException {
        List<String> rest = new ArrayList<>();
        Optional<String> master = Optional.empty();
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].startsWith(OPTION + "=")) {
                master = Optional.of(arguments[i].substring(OPTION.length() + 1));
            } else if (!arguments[i].equals(OPTION)) {
                rest.add(arguments[i]);
            } else if (i + 1 < arguments.length) {
                master = Optional.of(arguments[++i]);
            }
        }
        if (master.isEmpty() || master.get().isBlank()) {
            throw new UsageException(
                    OPTION + " needs a MASTER: spark://HOST:7077, k8s://https://HOST, yarn, or local[*]");
        }
        List<String> command =
                new ArrayList<>(List.of(program().toString(), "--master", master.get(), "--class", CLASS));
        command.add(jar().toString());
        command.addAll(rest);
        ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
        // Classes of this project need this Java or a newer one.
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        try {
            return process.waitFor();
        } finally {
            process.destroy();
        }
    }

    private Path program() throws FileNotFoundException {
        String name = File.separatorChar == '\\' ? "spark-submit.cmd" : "spark-submit";
        Stream<Path> folders = Stream.concat(
                terminal.variable("SPARK_HOME").stream().map(home -> Path.of(home, "bin")),
                terminal.variable("PATH").stream()
                        .flatMap(path -> Arrays.stream(path.split(File.pathSeparator, -1)))
                        .filter(folder -> !folder.isBlank())
                        .map(Path::of));
        return folders.map(folder -> folder.resolve(name))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(
                        () -> new FileNotFoundException(
                                "there is no spark-submit in SPARK_HOME or PATH: install"
                                        + " Apache Spark 4.2 (spark.apache.org, or \"pip install pyspark==4.2.0\") and set SPARK_HOME"));
    }

    /** Named by the environment, beside this program's jar, or where Maven builds it. */
    private Path jar() throws IOException {
        Optional<String> named = terminal.variable(JAR);
        if (named.isPresent()) {
            Path jar = Path.of(named.get());
            if (!Files.isRegularFile(jar)) {
                throw new FileNotFoundException(JAR + " names " + jar + ", and there is no such file");
            }
            return jar;
        }
        Path target = home();
        for (Path folder : List.of(target, target.resolve("../../bita-spark/target"))) {
            if (Files.isDirectory(folder)) {
                try (Stream<Path> files = Files.list(folder)) {
                    Optional<Path> jar = files.filter(
                                    file -> file.getFileName().toString().matches("bita-spark-.*-job\\.jar"))
                            .findFirst();
                    if (jar.isPresent()) {
                        return jar.get().toAbsolutePath().normalize();
                    }
                }
            }
        }
        throw new FileNotFoundException("the jar of the Spark jobs is missing: build it with \"mvn -pl bita-spark -am"
                + " -DskipTests package\", or name it in " + JAR);
    }

    /** The folder of this program's jar or classes. */
    private static Path home() throws IOException {
        CodeSource source = SparkSubmit.class.getProtectionDomain().getCodeSource();
        try {
            return Path.of(source.getLocation().toURI()).toAbsolutePath().resolveSibling(".");
        } catch (URISyntaxException e) {
            throw new IOException("this program lies at a place that is no path: " + source.getLocation(), e);
        }
    }
}
