package bita.spark;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong with a command is said before Spark starts. */
class MainTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "serve",
                "distill -o out",
                "distill -o out --prompts q --batch 0",
                "distill -o out --prompts q --per-task 0",
                "distill -o out --prompts q --limit 0",
                "distill -o out --prompts q --max-skipped -1",
                "tune -o out",
                "tune -o out --answers a --accumulate 0",
                "eval --suite s -o out --methods nonsense",
                "eval --suite s -o out --repetitions 0"
            })
    void wrongUsageIsStatus2(String command) {
        assertThat(Main.run(new Console(), command.isEmpty() ? new String[0] : command.split(" ")))
                .isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--help", "distill --help", "tune --help", "eval --help"})
    void helpIsNoFailure(String command) {
        assertThat(Main.run(new Console(), command.split(" "))).isZero();
    }
}
