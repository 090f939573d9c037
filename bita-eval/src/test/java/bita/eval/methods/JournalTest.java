package bita.eval.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JournalTest {
    private static final Measurement FIRST = Runs.measurement(0, 0, 0, Runs.PLAIN, 7, 1, 1);
    private static final Measurement SECOND = Runs.measurement(0, 1, 0, Runs.LOOKUP, 8, 3, 1);

    @TempDir
    Path folder;

    private Path path;

    @BeforeEach
    void choose() {
        path = folder.resolve("journal.jsonl");
    }

    private Journal open() throws IOException {
        return Journal.open(path, false, Runs.settings(), Runs.QUESTIONS);
    }

    private void write(Measurement... measurements) throws IOException {
        try (Journal journal = open()) {
            for (Measurement one : measurements) {
                journal.append(one);
            }
        }
    }

    private void replaceLine(int number, String text) throws IOException {
        List<String> lines = new ArrayList<>(Files.readAllLines(path));
        lines.set(number - 1, text);
        Files.write(path, lines);
    }

    @Test
    void keepsWhatWasAppended() throws IOException {
        write(FIRST, SECOND);

        try (Journal journal = open()) {
            assertThat(journal.size()).isEqualTo(2);
            assertThat(journal.find(FIRST.key())).contains(FIRST);
            assertThat(journal.find(SECOND.key())).contains(SECOND);
            assertThat(journal.find(new Measurement.Key(0, 0, 1, Runs.PLAIN))).isEmpty();
        }
        assertThat(Journal.settings(path)).contains(Runs.settings());
    }

    @Test
    void dropsHalfALineAndGoesOn() throws IOException {
        write(FIRST, SECOND);
        byte[] whole = Files.readAllBytes(path);
        int header = new String(whole, StandardCharsets.UTF_8).indexOf('\n') + 1;
        for (int length = 0; length < whole.length; length += 13) {
            Files.write(path, Arrays.copyOf(whole, length));
            try (Journal journal = open()) {
                assertThat(journal.size()).isLessThan(2);
                if (length > header && journal.size() == 0) {
                    journal.append(FIRST);
                }
                if (journal.find(FIRST.key()).isPresent()) {
                    journal.append(SECOND);
                }
            }
            if (length > header) {
                assertThat(Files.readAllBytes(path)).isEqualTo(whole);
            } else {
                assertThat(Journal.settings(path)).contains(Runs.settings());
            }
        }
    }

    /** Longer than the line that comes next: all of it must go. */
    @Test
    void dropsALongHalfLine() throws IOException {
        write(FIRST, SECOND);
        byte[] whole = Files.readAllBytes(path);
        Files.delete(path);
        write(FIRST);
        Files.writeString(path, "{\"half\": \"" + "x".repeat(5000), StandardOpenOption.APPEND);

        write(SECOND);

        assertThat(Files.readAllBytes(path)).isEqualTo(whole);
    }

    @Test
    void startsAnewOnRequest() throws IOException {
        Files.writeString(path, "something else\n");
        try (Journal journal = Journal.open(path, true, Runs.settings(), Runs.QUESTIONS)) {
            assertThat(journal.size()).isZero();
        }
        assertThat(Files.readAllLines(path)).hasSize(1);
    }

    @Test
    void namesBrokenLine() throws IOException {
        write(FIRST, SECOND);
        byte[] before = Files.readAllBytes(path);
        replaceLine(2, "{\"question\": 0");

        assertThatThrownBy(this::open)
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(path + ", line 2: this is no measurement (")
                .hasMessageContaining("remove the line");
        assertThat(Files.size(path)).isLessThan(before.length).isPositive(); // untouched, no line was cut off
        assertThat(Files.readAllLines(path)).hasSize(3);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"accept_lengths\":[1,1] | \"accept_lengths\":[1,2] | its steps make 3 tokens of 2",
                "\"accept_lengths\":[1,1] | \"accept_lengths\":[2,0] | a number in it cannot be",
                "\"accept_lengths\":[1,1] | \"accept_lengths\":\"no\" | this is no measurement",
                "\"token_ids\":[0,1,2]    | \"token_ids\":[]         | it has no tokens",
                "\"rows\":6               | \"rows\":-6              | a number in it cannot be",
                "\"rows\":6               | \"rows\":1e99            | out of range",
                "\"rows\":6               | \"rows\":null            | Cannot map `null`",
                "\"decode_nanos\":7000000 | \"decode_nanos\":0       | a time in it cannot be",
                "\"method\":\"plain\"     | \"methods\":\"plain\"    | method",
                "\"question\":0           | \"question\":7           | its question is not in the suite",
                "\"question\":0           | \"question\":-1          | its question is not in the suite",
                "\"turn\":0               | \"turn\":2               | its question is not in the suite",
                "\"id\":\"81\"            | \"id\":\"82\"            | its question is not in the suite"
            })
    void refusesWhatCannotHaveBeenMeasured(String before, String after, String problem) throws IOException {
        write(FIRST, SECOND);
        String line = Files.readAllLines(path).get(1);
        assertThat(line).contains(before);
        replaceLine(2, line.replace(before, after));

        assertThatThrownBy(this::open)
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(path + ", line 2: ")
                .hasMessageContaining(problem);
    }

    @Test
    void refusesRepeatedLine() throws IOException {
        write(FIRST);
        Files.writeString(path, Files.readAllLines(path).get(1) + "\n", StandardOpenOption.APPEND);

        assertThatThrownBy(this::open).hasMessageContaining("line 3").hasMessageContaining("repeats");
    }

    @Test
    void saysWhichSettingsDiffer() throws IOException {
        write(FIRST);

        assertThatThrownBy(() ->
                        Journal.open(path, false, Runs.settings("max_tokens", "64", "isa", "avx2"), Runs.QUESTIONS))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(path + ": the run was begun with other settings")
                .hasMessageContaining("(max tokens 32, not 64; isa unknown, not avx2)")
                .hasMessageContaining("another folder");
        try (Journal journal = open()) {
            assertThat(journal.size()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "null", "[]", "7", "{}", "{\"format\": \"bita-eval-journal-1\"}", "\u0000", "{\"format\": 3}"
            })
    void refusesOtherFiles(String firstLine) throws IOException {
        Files.writeString(path, firstLine + "\n");

        assertThatThrownBy(this::open)
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(path + ", line 1: this is no journal");
    }

    @Test
    void refusesOtherVersions() throws IOException {
        Files.writeString(path, "{\"format\": \"bita-eval-journal-9\", \"settings\": {}}\n");

        assertThatThrownBy(this::open).hasMessageContaining("another version");
    }

    @Test
    void isForOneAtATime() throws IOException {
        try (Journal _ = open()) {
            assertThatThrownBy(this::open).isInstanceOf(IOException.class).hasMessageContaining("being written");
        }
        open().close();
    }

    @Test
    void tellsNoSettingsOfNoJournal() throws IOException {
        assertThat(Journal.settings(path)).isEqualTo(Optional.empty());
        Files.writeString(path, "{\"format\": \"bita-ev");
        assertThat(Journal.settings(path)).isEqualTo(Optional.empty());
    }
}
