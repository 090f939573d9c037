package bita.server;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import tools.jackson.databind.node.ObjectNode;

/** A request and its response. Used on the server's event loop only. */
final class Exchange {
    /** What servers log where the client has gone; nobody receives it. */
    private static final int GONE = 499;

    private static final String EVENTS = "text/event-stream; charset=utf-8";
    private static final String JSON = "application/json";

    private final HttpServerRequest request;
    private final HttpServerResponse response;
    private final Context context;
    private final Consumer<Throwable> problems;
    private final BooleanSupplier last;
    private final Consumer<Exchange> atEnd;
    private final String id = UUID.randomUUID().toString().replace("-", "");
    private final Instant time = Instant.now();
    private final long start = System.nanoTime();

    private String route = "other";
    private Optional<String> user = Optional.empty();
    private Optional<String> prompt = Optional.empty();
    private Optional<String> error = Optional.empty();
    private int promptTokens;
    private int cachedTokens;
    private int completionTokens;

    private Runnable whenGone = () -> {};
    private Consumer<ApiError> whenLate = this::fail;
    private boolean streaming;
    private boolean ended; // nothing more is written
    private boolean gone; // nobody is there to be written to
    private int holds;
    private int pendingWrites;
    private long lastTaken;
    private long readingSince;
    private boolean reading;

    /**
     * @param last  whether responses that begin now are the last of their connections: the next request is to find
     *     another server
     * @param atEnd hears once that the response has ended and nothing is held any longer
     */
    Exchange(
            HttpServerRequest request,
            Context context,
            Consumer<Throwable> problems,
            BooleanSupplier last,
            Consumer<Exchange> atEnd) {
        this.request = request;
        this.context = context;
        this.problems = problems;
        this.last = last;
        this.atEnd = atEnd;
        response = request.response();
        response.putHeader("X-Request-Id", id);
        response.putHeader("X-Content-Type-Options", "nosniff");
        response.closeHandler(_ -> leave());
        response.exceptionHandler(_ -> leave());
        request.exceptionHandler(_ -> leave());
    }

    HttpServerRequest request() {
        return request;
    }

    HttpServerResponse response() {
        return response;
    }

    Context context() {
        return context;
    }

    String id() {
        return id;
    }

    long start() {
        return start;
    }

    /** Names the route's pattern. */
    void route(String pattern) {
        route = pattern;
    }

    void user(Optional<String> name) {
        user = name;
    }

    void prompt(byte[] body) {
        prompt = Optional.of(new String(body, StandardCharsets.UTF_8));
    }

    void count(int prompts, int cached, int completions) {
        promptTokens = prompts;
        cachedTokens = cached;
        completionTokens = completions;
    }

    /** Whether nothing more can be written. */
    boolean isEnded() {
        return ended;
    }

    /** What is to be done if the client goes before the response has ended. */
    void whenGone(Runnable action) {
        whenGone = action;
        if (gone) {
            action.run();
        }
    }

    /** What is to be done, instead of saying so, if the response takes too long. */
    void whenLate(Consumer<ApiError> action) {
        whenLate = action;
    }

    void timeOut(ApiError problem) {
        whenLate.accept(problem);
    }

    private void leave() {
        if (!gone) {
            gone = true;
            reading = false;
            pendingWrites = 0;
            if (!ended) {
                end();
                whenGone.run();
            }
        }
    }

    /** Keeps the request's entry from being made until {@link #release}. */
    void hold() {
        holds++;
    }

    void release() {
        holds--;
        endIfFree();
    }

    private void end() {
        ended = true;
        if (response.headers().contains("Connection")) {
            close();
        }
        endIfFree();
    }

    private void endIfFree() {
        if (ended && holds == 0) {
            atEnd.accept(this);
        }
    }

    /** Before the first byte of the response. */
    private void begin() {
        if (last.getAsBoolean()) {
            response.putHeader("Connection", "close");
        }
    }

    RequestLog.Entry entry() {
        return new RequestLog.Entry(
                time,
                id,
                route,
                status(),
                error,
                promptTokens,
                cachedTokens,
                completionTokens,
                Duration.ofNanos(System.nanoTime() - start),
                user,
                prompt);
    }

    private int status() {
        return gone && !response.ended() ? GONE : response.getStatusCode();
    }

    void json(int status, ObjectNode body) {
        send(status, JSON, Json.bytes(body));
    }

    void send(int status, String type, byte[] body) {
        if (ended) {
            return;
        }
        begin();
        response.setStatusCode(status);
        response.putHeader("Content-Type", type);
        response.putHeader("Content-Length", Integer.toString(body.length));
        // The response to HEAD has the length of what GET would give.
        track(request.method().equals(HttpMethod.HEAD) ? response.end() : response.end(Buffer.buffer(body)));
        end();
    }

    /** A response without a body. */
    void send(int status) {
        if (!ended) {
            begin();
            track(response.setStatusCode(status).end());
            end();
        }
    }

    /** Says why there is no answer, or no further part of it. */
    void fail(Throwable problem) {
        ApiError told;
        if (problem instanceof ApiError known) {
            told = known;
        } else {
            problems.accept(problem);
            told = ApiError.internal();
        }
        if (ended) {
            return;
        }
        error = Optional.of(told.name());
        if (streaming) {
            event(Json.text(told.body()));
            endEvents();
        } else {
            if (told.status() == 401) {
                response.putHeader("WWW-Authenticate", "Bearer");
            }
            if (told.status() == 429 || told.status() == 503) {
                response.putHeader("Retry-After", "1");
            }
            json(told.status(), told.body());
        }
    }

    boolean isStreaming() {
        return streaming;
    }

    /** Begins a response of events. */
    void beginEvents() {
        if (!ended) {
            streaming = true;
            begin();
            response.putHeader("Content-Type", EVENTS);
            response.putHeader("Cache-Control", "no-cache");
            response.putHeader("X-Accel-Buffering", "no"); // proxies such as nginx would collect events
            response.setChunked(true);
        }
    }

    void event(String data) {
        if (!ended) {
            track(response.write("data: " + data + "\n\n"));
        }
    }

    void endEvents() {
        if (!ended) {
            track(response.end());
            end();
        }
    }

    private void track(Future<Void> write) {
        if (pendingWrites++ == 0) {
            lastTaken = System.nanoTime();
        }
        write.onComplete(_ -> {
            pendingWrites = Math.max(0, pendingWrites - 1);
            lastTaken = System.nanoTime();
        });
    }

    void reading(boolean now) {
        reading = now;
        readingSince = System.nanoTime();
    }

    /** Whether the body has been awaited for longer. */
    boolean readsLongerThan(Duration most, long now) {
        return reading && now - readingSince > most.toNanos();
    }

    /** Whether nothing has been taken for longer. */
    boolean writesLongerThan(Duration most, long now) {
        return pendingWrites > 0 && now - lastTaken > most.toNanos();
    }

    /** Whether it is of no further interest. */
    boolean isOver() {
        return ended && !reading && pendingWrites == 0;
    }

    boolean lastsLongerThan(Duration most, long now) {
        return !ended && now - start > most.toNanos();
    }

    void close() {
        request.connection().close();
    }
}
