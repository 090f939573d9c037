package bita.server;

import bita.api.Answer;
import bita.api.AnswerService;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/** What Prometheus learns; names and bounds are OpenTelemetry's for generative AI where it has some. */
final class ServerMetrics implements AutoCloseable {
    private static final double[] REQUEST_SECONDS = {
        0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92
    };
    private static final double[] FIRST_TOKEN_SECONDS = {
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10
    };
    private static final double[] TOKEN_SECONDS = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5
    };

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final Timer requests = histogram("gen_ai.server.request.duration", "Time of an answer", REQUEST_SECONDS);
    private final Timer firstTokens = histogram(
            "gen_ai.server.time_to_first_token", "Time until the first token was decided", FIRST_TOKEN_SECONDS);
    private final Timer tokenTimes =
            histogram("gen_ai.server.time_per_output_token", "Time of each token after the first one", TOKEN_SECONDS);
    private final Timer queue = histogram("bita.queue.time", "Time that an answer waited for others", REQUEST_SECONDS);
    private final Counter promptTokens = tokens("prompt");
    private final Counter cachedTokens = tokens("cached");
    private final Counter completionTokens = tokens("completion");
    private final Counter steps =
            counter("bita.steps", "Steps of answers; one pass is a step of each answer that it decodes");
    private final Counter drafted = counter("bita.drafted.tokens", "Drafted tokens that were verified");
    private final Counter accepted = counter("bita.accepted.tokens", "Drafted tokens that were accepted");
    private final Counter problems = counter("bita.problems", "Faults of the server");

    ServerMetrics(AnswerService service) {
        Gauge.builder("bita.requests.running", service, AnswerService::running)
                .description("Answers that are being made")
                .register(registry);
        Gauge.builder("bita.requests.waiting", service, AnswerService::waiting)
                .description("Answers that wait for others")
                .register(registry);
        new JvmMemoryMetrics().bindTo(registry);
    }

    private Timer histogram(String name, String description, double[] seconds) {
        Duration[] bounds = Arrays.stream(seconds)
                .mapToObj(s -> Duration.ofNanos(Math.round(s * 1e9)))
                .toArray(Duration[]::new);
        return Timer.builder(name)
                .description(description)
                .serviceLevelObjectives(bounds)
                .register(registry);
    }

    private Counter counter(String name, String description) {
        return Counter.builder(name).description(description).register(registry);
    }

    private Counter tokens(String type) {
        return Counter.builder("bita.tokens")
                .description("Tokens of prompts, of those the ones known from other texts, and of answers")
                .tag("type", type)
                .register(registry);
    }

    /** A request has ended. */
    void request(RequestLog.Entry entry) {
        Counter.builder("bita.requests")
                .description("Requests by route and status")
                .tag("route", entry.route())
                .tag("status", Integer.toString(entry.status()))
                .register(registry)
                .increment();
    }

    /** An answer has begun. */
    void queued(long nanos) {
        queue.record(nanos, TimeUnit.NANOSECONDS);
    }

    /** An answer that had begun has ended. */
    void answered(Answer.Statistics statistics, int acceptedTokens) {
        requests.record(statistics.firstTokenNanos() + statistics.decodeNanos(), TimeUnit.NANOSECONDS);
        if (statistics.completionTokens() > 0) {
            firstTokens.record(statistics.firstTokenNanos(), TimeUnit.NANOSECONDS);
        }
        if (statistics.completionTokens() > 1) {
            tokenTimes.record(statistics.decodeNanos() / (statistics.completionTokens() - 1), TimeUnit.NANOSECONDS);
        }
        steps.increment(statistics.steps());
        drafted.increment((double) statistics.draftedTokens());
        accepted.increment(acceptedTokens);
    }

    /** A request's answers have ended. */
    void tokens(int prompt, int cached, int completion) {
        promptTokens.increment(prompt);
        cachedTokens.increment(cached);
        completionTokens.increment(completion);
    }

    void problem() {
        problems.increment();
    }

    /** All of it in Prometheus' text format. */
    String scrape() {
        return registry.scrape();
    }

    @Override
    public void close() {
        registry.close();
    }
}
