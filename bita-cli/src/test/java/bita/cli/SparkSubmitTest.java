package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** With a script in place of Spark's. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the script in place of spark-submit is one for a Unix shell")
class SparkSubmitTest {
    @TempDir
    Path home;

    private Path jar;
    private Path said;

    @BeforeEach
    void install() throws IOException {
        jar = Files.createFile(home.resolve("job.jar"));
        said = home.resolve("said");
        Path bin = Files.createDirectories(home.resolve("spark/bin"));
        Path script = Files.writeString(
                bin.resolve("spark-submit"),
                "#!/bin/sh\nfor a in \"$@\"; do echo \"$a\"; done > '" + said + "'\necho \"$JAVA_HOME\" >> '" + said
                        + "'\nexit 7\n");
        assertThat(script.toFile().setExecutable(true)).isTrue();
    }

    private Cli cli() {
        return new Cli(home)
                .environment("SPARK_HOME", home.resolve("spark").toString())
                .environment("BITA_SPARK_JAR", jar.toString());
    }

    @Test
    void startsSparkSubmitWithAllOtherOptions() throws IOException {
        Cli.Result result = cli().run("tune", "a model", "--spark", "spark://host:7077", "-o", "out");

        assertThat(result.status()).isEqualTo(7);
        assertThat(Files.readAllLines(said))
                .containsExactly(
                        "--master",
                        "spark://host:7077",
                        "--class",
                        "bita.spark.Main",
                        jar.toString(),
                        "tune",
                        "a model",
                        "-o",
                        "out",
                        System.getProperty("java.home"));
        assertThat(cli().run("eval", "--spark=local[2]", "--help").status()).isEqualTo(7);
        assertThat(Files.readAllLines(said)).startsWith("--master", "local[2]").contains("--help");
    }

    @Test
    void saysWhatIsMissing() {
        Cli.Result noMaster = cli().run("distill", "--spark");
        assertThat(noMaster.status()).isEqualTo(2);
        assertThat(noMaster.err()).contains("--spark needs a MASTER", "bita distill --help");

        Cli.Result noSpark = new Cli(home)
                .environment("BITA_SPARK_JAR", jar.toString())
                .environment("PATH", home.toString())
                .run("distill", "--spark", "local[2]");
        assertThat(noSpark.status()).isEqualTo(1);
        assertThat(noSpark.err()).contains("no spark-submit", "SPARK_HOME");

        Cli.Result noJar = cli().environment(
                        "BITA_SPARK_JAR", home.resolve("none.jar").toString())
                .run("tune", "--spark", "local[2]");
        assertThat(noJar.status()).isEqualTo(1);
        assertThat(noJar.err()).contains("BITA_SPARK_JAR", "no such file");
    }

    @Test
    void otherCommandsHaveNoSuchOption() {
        assertThat(cli().run("run", "--spark", "local[2]", "x").status()).isEqualTo(2);
        assertThat(said).doesNotExist();
    }
}
