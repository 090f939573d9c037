package bita.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

class BenchmarksTest {
    /** Every benchmark, as short as possible and small, with the kernels that run everywhere. */
    @Test
    void everyBenchmarkRuns(@TempDir Path folder) throws RunnerException {
        Collection<RunResult> results = new Runner(new OptionsBuilder()
                        .include("bita.benchmarks")
                        .param("kernels", "scalar")
                        .param("format", "F16", "Q4_1")
                        .param("cache", "F16")
                        .param("rows", "2")
                        .param("context", "20")
                        .param("outputs", "32")
                        .param("columns", "64")
                        .forks(0)
                        .warmupIterations(0)
                        .measurementIterations(1)
                        .measurementTime(TimeValue.milliseconds(5))
                        .shouldFailOnError(true)
                        .output(folder.resolve("jmh.log").toString())
                        .build())
                .run();

        Set<String> names = results.stream()
                .map(result -> result.getPrimaryResult().getLabel())
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(names)
                .containsExactly(
                        "activateGated",
                        "argmax",
                        "attend",
                        "exponentialSum",
                        "largest",
                        "multiply",
                        "pack",
                        "quantize",
                        "rmsNorm");
        assertThat(results)
                .hasSize(11)
                .allSatisfy(result ->
                        assertThat(result.getPrimaryResult().getScore()).isPositive());
    }
}
