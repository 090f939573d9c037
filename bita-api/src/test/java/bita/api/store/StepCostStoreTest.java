package bita.api.store;

import static org.assertj.core.api.Assertions.assertThat;

import bita.decode.StepCosts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StepCostStoreTest {
    private static final StepCosts COSTS =
            StepCosts.of(Map.of(1, 4.0, 3, 5.0), new StepCosts.Attention(0.003, 0.001), 0.25);

    @TempDir
    Path home;

    private Path only(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> all = files.toList();
            assertThat(all).hasSize(1);
            return all.getFirst();
        }
    }

    @Test
    void keepsCostsUnderTheirKey() {
        StepCostStore store = new StepCostStore(home.resolve("a").resolve("costs"));
        assertThat(store.read("model")).isEmpty();

        store.keep("model", COSTS);

        assertThat(store.read("model").orElseThrow().points()).isEqualTo(COSTS.points());
        assertThat(store.read("model").orElseThrow().attention()).isEqualTo(COSTS.attention());
        assertThat(store.read("model").orElseThrow().masks()).isEqualTo(0.25);
        assertThat(store.read("another model")).isEmpty();

        store.forget("another model");
        store.forget("model");
        assertThat(store.read("model")).isEmpty();
    }

    @Test
    void whatCannotBeReadCountsAsNothing() throws IOException {
        StepCostStore store = new StepCostStore(home);
        store.keep("model", COSTS);
        Path file = only(home);
        String kept = Files.readString(file);
        for (String damaged : List.of(
                "",
                "{",
                "null",
                "[]",
                kept.replace("\"model\"", "null"),
                "{\"of\":\"model\"}",
                "{\"of\":\"model\",\"milliseconds\":{\"1\":1}}",
                kept.replace("{\"1\":4.0", "{\"1\":-1"),
                kept.replace("{\"1\":4.0", "{\"1\":1,\"100000000\":1"),
                kept.replace("{\"1\":4.0", "{\"1\":1,\"one\":1"),
                kept.replace("0.003", "-0.003"),
                kept.replace("0.25", "-0.25"),
                kept.substring(0, kept.length() / 2),
                kept.replace("model", "another"))) {
            Files.writeString(file, damaged);
            assertThat(store.read("model")).as(damaged).isEmpty();
        }
        store.keep("model", COSTS);
        assertThat(store.read("model")).isPresent();
    }

    @Test
    void whereNothingCanBeKeptItIsMeasuredAgain() throws IOException {
        Path file = Files.writeString(home.resolve("file"), "where the folder should be");
        StepCostStore store = new StepCostStore(file);

        store.keep("model", COSTS);

        assertThat(store.read("model")).isEmpty();
        assertThat(file).hasContent("where the folder should be");
    }
}
