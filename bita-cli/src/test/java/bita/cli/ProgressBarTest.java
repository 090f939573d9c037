package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import bita.cli.ProgressBar.Unit;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ProgressBarTest {
    /** The line is cleared, and drawn with the terminal's wrapping off. */
    private static final String DRAWN = "\r\u001b[K\u001b[?7l";

    private static final String END = "\u001b[?7h";

    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private long now;

    @BeforeEach
    void startClock() {
        now = 1_000_000_000_000L;
    }

    private ProgressBar bar(boolean terminal, Unit unit, Duration delay, boolean lines) {
        Terminal to = new Cli(Path.of("home"))
                .connected(false, false, terminal)
                .terminal(OutputStream.nullOutputStream(), err);
        return new ProgressBar(to, "file", unit, delay, lines, () -> now);
    }

    private String written() {
        String text = err.toString(StandardCharsets.UTF_8);
        err.reset();
        return text;
    }

    @Test
    void showsShareAmountRateAndTimeLeft() {
        ProgressBar bar = bar(true, Unit.BYTES, Duration.ZERO, true);

        bar.update(0, 100_000_000);
        assertThat(written()).isEqualTo(DRAWN + "file    0 % " + "░".repeat(24) + "  0 B of 100 MB" + END);
        now += 2_000_000_000L;
        bar.update(25_000_000, 100_000_000);
        assertThat(written())
                .isEqualTo(DRAWN + "file   25 % " + "█".repeat(6) + "░".repeat(18)
                        + "  25.0 MB of 100 MB  12.5 MB/s  6 s left" + END);
        bar.close();
        assertThat(written()).isEqualTo("\r\u001b[K");
        bar.close();
        assertThat(written()).isEmpty();
    }

    @Test
    void resumedPartIsNotPartOfTheRate() {
        ProgressBar bar = bar(true, Unit.BYTES, Duration.ZERO, true);

        bar.update(50_000_000, 100_000_000);
        now += 5_000_000_000L;
        bar.update(60_000_000, 100_000_000);

        assertThat(written()).contains("2.00 MB/s  20 s left");
    }

    @Test
    void drawsAtMostTenTimesASecond() {
        ProgressBar bar = bar(true, Unit.BYTES, Duration.ZERO, true);
        for (int i = 0; i < 1000; i++) {
            bar.update(i, 1000);
            now += 1_000_000;
        }

        assertThat(written().split("\r", -1)).hasSize(1 + 10);
    }

    @Test
    void namesParts() {
        ProgressBar bar = bar(true, Unit.PARTS, Duration.ZERO, true);

        bar.update(0, 40, "first");
        now += 10_000_000_000L;
        bar.update(10, 40, "second");

        assertThat(written()).endsWith(DRAWN + "25 % " + "█".repeat(6) + "░".repeat(18) + "  30 s left  second" + END);
    }

    /** One answer takes longer than a second: there is no rate to show, but time to be told. */
    @Test
    void countsAnswers() {
        ProgressBar bar = bar(true, Unit.ANSWERS, Duration.ZERO, true);

        bar.update(0, 1000, "0 tokens/s");
        now += 20_000_000_000L;
        bar.update(10, 1000, "512 tokens/s");

        assertThat(written())
                .endsWith(
                        DRAWN + "1 % " + "░".repeat(24) + "  10 of 1,000 answers  33 min 0 s left  512 tokens/s" + END);
    }

    @Test
    void livesWithUnknownTotal() {
        bar(true, Unit.BYTES, Duration.ZERO, true).update(5_000, -1);

        assertThat(written()).isEqualTo(DRAWN + "file  5.00 kB" + END);
    }

    @Test
    void waitsForItsDelay() {
        ProgressBar bar = bar(true, Unit.TOKENS, Duration.ofSeconds(2), false);

        now += 1_900_000_000L;
        bar.update(1000, 4000);
        bar.close();
        assertThat(written()).isEmpty();
        now += 200_000_000L;
        bar.update(2000, 4000);
        assertThat(written()).contains("2,000 tokens of 4,000 tokens");
    }

    @Test
    void writesALineForEveryTenthWithoutTerminal() {
        ProgressBar bar = bar(false, Unit.BYTES, Duration.ZERO, true);
        for (int i = 0; i <= 1000; i++) {
            bar.update(i, 1000);
        }
        bar.close();

        assertThat(written().lines())
                .hasSize(10)
                .last()
                .asString()
                .contains("100 %")
                .doesNotContain("\r");
        ProgressBar silent = bar(false, Unit.TOKENS, Duration.ZERO, false);
        silent.update(1000, 1000);
        assertThat(written()).isEmpty();
    }
}
