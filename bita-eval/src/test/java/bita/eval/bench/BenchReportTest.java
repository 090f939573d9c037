package bita.eval.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BenchReportTest {
    @Test
    void textHoldsFiguresAgainstLimits() {
        assertThat(BenchReport.text(Results.of(Results.MEASURED, 256, 1000))).isEqualTo("""
                model     tiny.gguf: 160.0 million weights, Q4, 90.0 MB
                kernels   native, AVX2, 2 threads
                reading   18.0 GB/s of weights by the products of one row; a sweep over the same weights reads 20.0: 90 %
                multiply  300 GOP/s; 400 with the weights in the cache: 75 %; 800 on registers alone
                prefill   250 tokens/s; the products alone would allow 1250 with the weights in the cache: 20 %

                Context 256: 79.6 tokens/s plain, 0.3 MB of keys and values
                  rows  products ms  ideal ms  ratio  step ms  ideal ms  ratio  ms per row  times one row
                     1         7.50      5.00   1.50    10.51      5.26   2.00       10.51           1.00
                     4         7.50      5.00   1.50    12.05      6.02   2.00        3.01           1.15
                    32        48.00     32.00   1.50    80.38     40.19   2.00        2.51           7.65

                Context 1000: 50.0 tokens/s plain, 1.0 MB of keys and values
                  rows  products ms  ideal ms  ratio  step ms  ideal ms  ratio  ms per row  times one row
                     1         7.50      5.00   1.50    12.00      6.00   2.00       12.00           1.00
                     4         7.50      5.00   1.50    18.00      9.00   2.00        4.50           1.50
                    32        48.00     32.00   1.50   128.00     64.00   2.00        4.00          10.67
                """);
    }

    @Test
    void textInventsNoIdeals() {
        assertThat(BenchReport.text(Results.of(Results.UNKNOWN, 1000))).isEqualTo("""
                model     tiny.gguf: 160.0 million weights, Q4, 90.0 MB
                kernels   native, AVX2, 2 threads
                reading   18.0 GB/s of weights by the products of one row
                multiply  300 GOP/s
                prefill   250 tokens/s
                limits    not measured, so there are no ideal times: there is no native library

                Context 1000: 50.0 tokens/s plain, 1.0 MB of keys and values
                  rows  products ms  step ms  ms per row  times one row
                     1         7.50    12.00       12.00           1.00
                     4         7.50    18.00        4.50           1.50
                    32        48.00   128.00        4.00          10.67
                """);
    }

    @Test
    void jsonHasAnObjectPerContext() {
        List<Map<String, Object>> json = BenchReport.json(Results.of(Results.MEASURED, 256, 1000));

        assertThat(json).extracting(object -> object.get("context")).containsExactly(256, 1000);
        assertThat(json.get(1))
                .containsOnlyKeys(
                        "model",
                        "format",
                        "weight_bytes",
                        "weights",
                        "context",
                        "cache_bytes",
                        "plain_tokens_per_second",
                        "prefill_tokens_per_second",
                        "step_ms",
                        "ideal_step_ms",
                        "products_ms",
                        "ideal_products_ms",
                        "threads",
                        "backend",
                        "instruction_set",
                        "gb_per_second",
                        "gb_per_second_peak",
                        "gops",
                        "gops_cached",
                        "gops_peak")
                .containsEntry("plain_tokens_per_second", 50.0)
                .containsEntry("prefill_tokens_per_second", 250.0)
                .containsEntry("step_ms", Map.of(1, 12.0, 4, 18.0, 32, 128.0))
                .containsEntry("ideal_step_ms", Map.of(1, 6.0, 4, 9.0, 32, 64.0))
                .containsEntry("products_ms", Map.of(1, 7.5, 4, 7.5, 32, 48.0))
                .containsEntry("ideal_products_ms", Map.of(1, 5.0, 4, 5.0, 32, 32.0))
                .containsEntry("backend", "native")
                .containsEntry("instruction_set", "avx2")
                .containsEntry("gb_per_second", 18.0)
                .containsEntry("gb_per_second_peak", 20.0)
                .containsEntry("gops", 300.0)
                .containsEntry("gops_cached", 400.0)
                .containsEntry("gops_peak", 800.0);
    }

    @Test
    void jsonInventsNoIdeals() {
        assertThat(BenchReport.json(Results.of(Results.UNKNOWN, 256)).getFirst())
                .containsEntry("limits_unknown", "there is no native library")
                .containsKeys("step_ms", "products_ms", "gb_per_second", "gops")
                .doesNotContainKeys(
                        "ideal_step_ms", "ideal_products_ms", "gb_per_second_peak", "gops_cached", "gops_peak");
    }
}
