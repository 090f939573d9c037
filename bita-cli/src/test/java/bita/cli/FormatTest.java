package bita.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FormatTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0 B",
        "999, 999 B",
        "1000, 1.00 kB",
        "98362432, 98.4 MB",
        "999499999, 999 MB",
        "999500000, 1.00 GB",
        "16000000000, 16.0 GB",
        "5000000000000000, 5000 TB"
    })
    void bytes(long bytes, String expected) {
        assertThat(Format.bytes(bytes)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"0, 0.00", "9.994, 9.99", "9.995, 10.0", "58.34, 58.3", "99.96, 100", "1240.4, 1240"})
    void threeDigits(double value, String expected) {
        assertThat(Format.threeDigits(value)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0 s",
        "1, 1 s",
        "59000, 59 s",
        "59001, 1 min 0 s",
        "80000, 1 min 20 s",
        "3600000, 1 h 0 min",
        "7500000, 2 h 5 min"
    })
    void timeLeft(long millis, String expected) {
        assertThat(Format.timeLeft(Duration.ofMillis(millis))).isEqualTo(expected);
    }

    @Test
    void count() {
        assertThat(Format.count(134_515_008)).isEqualTo("134,515,008");
    }

    @Test
    void tableAlignsColumns() {
        assertThat(new Table("lr").row("é", "1").row("name", "1,000")).hasToString("é         1\nname  1,000\n");
    }
}
