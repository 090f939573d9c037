package bita.server;

import bita.api.AnswerService;
import bita.api.LanguageModel;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import tools.jackson.databind.node.ObjectNode;

/**
 * Serves a model over HTTP. The model is not closed with the server.
 *
 * <pre>{@code
 * ServerOptions options = ServerOptions.of("my-model", BatchOptions.of(16)).withAddress("127.0.0.1", 8080);
 * try (BitaServer server = BitaServer.start(model, options, RequestLog.NONE, problem -> log(problem))) {
 *     ...
 *     server.drain(Duration.ofSeconds(30));
 * }
 * }</pre>
 */
public final class BitaServer implements AutoCloseable {
    private static final String MODELS = "/v1/models/";
    private static final int READERS = 2;
    private static final int MOST_LINE = 4096;
    private static final Duration GOODBYE = Duration.ofSeconds(2);
    private static final long MOST_SWEEP_MILLIS = 1000;
    private static final long LEAST_SWEEP_MILLIS = 20;

    private final ServerOptions options;
    private final RequestLog log;
    private final Consumer<Throwable> problems;
    private final LanguageModel model;
    private final AnswerService service;
    private final ServerMetrics metrics;
    private final ServedModel served;
    private final RequestReader reader;
    private final BodyReader bodies;
    private final Router router;
    private final Connections connections;
    private final Set<Exchange> exchanges = new LinkedHashSet<>(); // of the event loop
    private final ExecutorService readers;
    private final Vertx vertx;
    private final HttpServer server;
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile boolean ending;
    private volatile boolean memoryShort;

    private BitaServer(
            LanguageModel model,
            ServerOptions options,
            InetAddress address,
            RequestLog log,
            Consumer<Throwable> problems) {
        this.model = model;
        this.options = options;
        this.log = log;
        this.problems = problems;
        service = new AnswerService(model, options.batch(), options.waiting(), this::problem);
        metrics = new ServerMetrics(service);
        served = ServedModel.of(model, options, service.context());
        reader = new RequestReader(model, options, service.context());
        bodies = new BodyReader(options.limits().bodyBytes());
        connections = new Connections(options.limits());
        router = new Router(new Access(options, address.isLoopbackAddress()), new WebPage());
        addRoutes();
        readers = Executors.newFixedThreadPool(
                READERS, Thread.ofPlatform().name("bita-requests-", 0).daemon().factory());
        vertx = Vertx.vertx(new VertxOptions()
                .setEventLoopPoolSize(1)
                .setWorkerPoolSize(1)
                .setInternalBlockingPoolSize(1)
                .setFileSystemOptions(
                        new FileSystemOptions().setFileCachingEnabled(false).setClassPathResolvingEnabled(false)));
        server = vertx.createHttpServer(new HttpServerOptions()
                .setHost(address.getHostAddress())
                .setPort(options.port())
                .setMaxInitialLineLength(MOST_LINE)
                .setMaxHeaderSize(options.limits().headerBytes())
                .setHttp2ClearTextEnabled(false));
        server.requestHandler(this::handle);
        server.invalidRequestHandler(this::refuse);
        server.connectionHandler(connections::add);
        server.exceptionHandler(_ -> {}); // of connections, which have ended then
        vertx.exceptionHandler(this::problem);
    }

    /**
     * Starts to serve.
     *
     * @param log      hears of every request
     * @param problems is told, by any thread, what was not expected; the requests concerned have got an error
     * @throws IOException              if the address cannot be listened on
     * @throws IllegalArgumentException as {@link LanguageModel#batch}
     */
    public static BitaServer start(
            LanguageModel model, ServerOptions options, RequestLog log, Consumer<Throwable> problems)
            throws IOException {
        BitaServer server = new BitaServer(model, options, InetAddress.getByName(options.host()), log, problems);
        try {
            server.listen();
        } catch (IOException | RuntimeException e) {
            server.close();
            throw e;
        }
        return server;
    }

    private void listen() throws IOException {
        try {
            server.listen().toCompletionStage().toCompletableFuture().get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("the start was interrupted", e);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new IOException(
                    "port " + options.port() + " of " + options.host() + " cannot be listened on: " + cause.getMessage()
                            + "; choose another one (--port)",
                    cause);
        }
        ServerLimits limits = options.limits();
        long least = Math.min(
                limits.requestTimeout().toMillis(),
                Math.min(limits.readTimeout().toMillis(), limits.writeTimeout().toMillis()));
        vertx.setPeriodic(Math.clamp(least / 4, LEAST_SWEEP_MILLIS, MOST_SWEEP_MILLIS), _ -> sweep());
    }

    private void addRoutes() {
        router.post("/v1/chat/completions", exchange -> answer(exchange, reader::chat));
        router.post("/v1/completions", exchange -> answer(exchange, reader::completion));
        router.post("/tokenize", exchange -> compute(exchange, reader::tokenize));
        router.post("/detokenize", exchange -> compute(exchange, reader::detokenize));
        router.get("/v1/models", this::models);
        router.getBelow(MODELS, MODELS + "{id}", this::oneModel);
        router.get(
                "/metrics",
                exchange -> exchange.send(
                        200,
                        "text/plain; version=0.0.4; charset=utf-8",
                        metrics.scrape().getBytes(StandardCharsets.UTF_8)));
        router.getOpenly("/health", this::health);
    }

    /** The port it listens on. */
    public int port() {
        return server.actualPort();
    }

    /** Answers that run and that wait. */
    public AnswerService service() {
        return service;
    }

    private void problem(Throwable problem) {
        memoryShort = problem instanceof OutOfMemoryError;
        metrics.problem();
        problems.accept(problem);
    }

    private void handle(HttpServerRequest request) {
        Context context = vertx.getOrCreateContext();
        Exchange exchange = new Exchange(request, context, this::problem, () -> ending, this::ended);
        exchanges.add(exchange);
        connections.used(request.connection());
        guarded(exchange, () -> router.handle(exchange));
    }

    /** Nothing that goes wrong leaves a request without a response. */
    private static void guarded(Exchange exchange, Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            exchange.fail(e);
        }
    }

    /** What is no HTTP request. */
    private void refuse(HttpServerRequest request) {
        Throwable cause = request.decoderResult().cause();
        ApiError error;
        if (cause instanceof TooLongHttpHeaderException) {
            error = ApiError.invalid(
                    431,
                    "the request's headers are larger than " + options.limits().headerBytes() + " bytes");
        } else if (cause instanceof TooLongHttpLineException) {
            error = ApiError.invalid(414, "the request's address is longer than " + MOST_LINE + " bytes");
        } else {
            error = ApiError.invalid(400, "this is not an HTTP request");
        }
        new Exchange(request, vertx.getOrCreateContext(), this::problem, () -> true, this::ended).fail(error);
    }

    private void ended(Exchange exchange) {
        bodies.forget(exchange);
        connections.used(exchange.request().connection());
        RequestLog.Entry entry = exchange.entry();
        metrics.request(entry);
        try {
            log.ended(entry);
        } catch (RuntimeException e) {
            problem(e);
        }
    }

    /** Ends what takes too long. */
    private void sweep() {
        long now = System.nanoTime();
        ServerLimits limits = options.limits();
        exchanges.removeIf(Exchange::isOver);
        for (Exchange exchange : List.copyOf(exchanges)) {
            if (exchange.readsLongerThan(limits.readTimeout(), now)) {
                exchange.fail(ApiError.invalid(408, "the request's body did not come in time"));
                exchange.reading(false);
                exchange.close();
            } else if (exchange.writesLongerThan(limits.writeTimeout(), now)) {
                Connections.cut(exchange.request().connection());
            } else if (exchange.lastsLongerThan(limits.requestTimeout(), now)) {
                exchange.timeOut(ApiError.timeout(limits.requestTimeout().toSeconds()));
            }
        }
        Set<HttpConnection> busy = new LinkedHashSet<>();
        exchanges.forEach(exchange -> busy.add(exchange.request().connection()));
        connections.closeIdle(busy, now);
    }

    private void health(Exchange exchange) {
        exchange.json(
                ending ? 503 : 200,
                Json.object()
                        .put("status", ending ? "draining" : "ok")
                        .put("running", service.running())
                        .put("waiting", service.waiting()));
    }

    private void models(Exchange exchange) {
        ObjectNode list = Json.object().put("object", "list");
        list.putArray("data").add(served.describe());
        exchange.json(200, list);
    }

    private void oneModel(Exchange exchange) {
        String path = String.valueOf(exchange.request().path()).substring(MODELS.length());
        try {
            reader.checkModel(URLDecoder.decode(path.replace("+", "%2B"), StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
            throw ApiError.invalid(400, "the model's id is not a valid part of an address");
        }
        exchange.json(200, served.describe());
    }

    /** A response that is computed from a request's body. */
    private void compute(Exchange exchange, Function<byte[], ObjectNode> work) {
        bodies.read(exchange, body -> {
            Future<ObjectNode> result = Future.future(promise -> readers.execute(() -> {
                try {
                    promise.complete(work.apply(body));
                } catch (RuntimeException e) {
                    promise.fail(e);
                }
            }));
            result.onComplete(done -> exchange.context().runOnContext(_ -> {
                bodies.forget(exchange);
                if (done.succeeded()) {
                    exchange.json(200, done.result());
                } else {
                    exchange.fail(done.cause());
                }
            }));
        });
    }

    /** A response that the model makes. */
    private void answer(Exchange exchange, Function<byte[], AnswerRequest> work) {
        bodies.read(exchange, body -> {
            if (ending) { // not before: what is not read would be lost with the connection, and the refusal with it
                exchange.fail(ApiError.unavailable("the server ends"));
                return;
            }
            if (log.wantsPrompts()) {
                exchange.prompt(body);
            }
            exchange.hold();
            readers.execute(() -> {
                try {
                    Generation generation = new Generation(
                            work.apply(body),
                            exchange,
                            served,
                            model.tokenizer().endOfGeneration(),
                            metrics,
                            this::whyCancelled);
                    generation.submit(service);
                    exchange.context().runOnContext(_ -> {
                        bodies.forget(exchange);
                        exchange.whenGone(generation::cancel);
                        exchange.whenLate(generation::fail);
                        generation.accept();
                    });
                } catch (RuntimeException e) {
                    exchange.context().runOnContext(_ -> {
                        bodies.forget(exchange);
                        exchange.fail(e);
                        exchange.release();
                    });
                }
            });
        });
    }

    private ApiError whyCancelled() {
        if (ending) {
            return ApiError.unavailable("the server ends");
        }
        return memoryShort ? ApiError.unavailable("the server's memory does not suffice") : ApiError.internal();
    }

    /**
     * Takes on no further answers, and waits for those there are.
     *
     * @return false if some have not ended in time
     */
    public boolean drain(Duration most) throws InterruptedException {
        ending = true;
        return service.drain(most);
    }

    /** Ends all answers, says so to those who wait for them, and frees what the server holds. */
    @Override
    public void close() {
        ending = true;
        if (closed.getAndSet(true)) {
            return;
        }
        service.close();
        readers.shutdown();
        await(server.shutdown(GOODBYE));
        await(vertx.close());
        metrics.close();
    }

    private void await(Future<Void> end) {
        try {
            end.toCompletionStage().toCompletableFuture().get(2 * GOODBYE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            problem(e);
        }
    }
}
