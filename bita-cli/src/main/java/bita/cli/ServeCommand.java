package bita.cli;

import bita.api.BatchOptions;
import bita.api.LanguageModel;
import bita.api.MachineMemory;
import bita.api.SessionOptions;
import bita.decode.SamplingSettings;
import bita.model.MemoryNeed;
import bita.model.ModelFiles;
import bita.model.file.ModelFile;
import bita.server.BitaServer;
import bita.server.ServerLimits;
import bita.server.ServerOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A server for a model. */
@Command(
        name = "serve",
        description = "Serves a model in the OpenAI protocol, with a page to talk to it.",
        footer = {
            "",
            "Ctrl-C ends the server when the answers that are being made have ended; once more ends it at once.",
            "",
            "Examples:",
            "  bita serve                                    at http://127.0.0.1:8080",
            "  bita serve -m model.gguf --port 9000",
            "  bita serve --host 0.0.0.0 --api-key SECRET    for other machines"
        })
final class ServeCommand implements Callable<Integer> {
    private static final String MODEL_FILE = ".gguf";
    /** A shorter one is not chosen by itself. */
    private static final int LEAST_CONTEXT = 1024;

    /** Beyond the time to drain: for clients to hear of it, and to free memory. */
    private static final Duration CLOSING = Duration.ofSeconds(10);

    private final Terminal terminal;

    @Mixin
    final ModelOption model = new ModelOption();

    @Option(names = "--host", paramLabel = "HOST", description = "Address to listen on. Default: ${DEFAULT-VALUE}.")
    String host = "127.0.0.1";

    @Option(
            names = "--port",
            paramLabel = "N",
            description = "Port to listen on; 0 for any. Default: ${DEFAULT-VALUE}.")
    int port = 8080;

    @Option(
            names = "--parallel",
            paramLabel = "N",
            description = "Most answers made at a time. Default: ${DEFAULT-VALUE}.")
    int parallel = 16;

    @Option(
            names = "--queue",
            paramLabel = "N",
            description = "Most answers that wait for others; further requests are refused. Default: ${DEFAULT-VALUE}.")
    int queue = 256;

    @Option(
            names = "--api-key",
            paramLabel = "KEY",
            description = "A key that requests must have; may be repeated. Others see it in the list of processes: the"
                    + " environment variable BITA_API_KEY, with commas between several, is not seen.")
    List<String> apiKeys = new ArrayList<>();

    @Option(
            names = "--cors-origin",
            paramLabel = "ORIGIN",
            description = "Whose web pages may use the server, such as https://example.org, or * for all; may be"
                    + " repeated.")
    List<String> corsOrigins = new ArrayList<>();

    @Option(
            names = "--request-timeout",
            paramLabel = "SECONDS",
            description = "Longest time of a request, waiting included. Default: ${DEFAULT-VALUE}.")
    int requestTimeout = 600;

    @Option(
            names = "--drain-timeout",
            paramLabel = "SECONDS",
            description = "Longest time that the end waits for answers. Default: ${DEFAULT-VALUE}.")
    int drainTimeout = 30;

    @Option(
            names = "--log",
            paramLabel = "text|json|none",
            description = "What is printed of each request. Default: text on a terminal, otherwise none.")
    Optional<ServeLog.Format> log = Optional.empty();

    @Option(names = "--log-prompts", description = "Print what was asked, too.")
    boolean logPrompts;

    @Mixin
    final ServedSampling sampling = new ServedSampling();

    @Mixin
    final DecodingOptions decoding = new DecodingOptions();

    @Mixin
    final LoadingOptions loading = new LoadingOptions();

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    ServeCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (drainTimeout < 0) {
            throw new UsageException("--drain-timeout must be 0 or more, not " + drainTimeout);
        }
        // The HTTP library would log to standard error.
        System.setProperty("vertx.logger-delegate-factory-class-name", "io.vertx.core.logging.SLF4JLogDelegateFactory");
        ServerOptions asked = options(decoding.session(), sampling.settings());
        Path file = LoadingOptions.find(terminal, model.name, loading.computing.offline);
        ServerOptions options = asked.withBatch(fitting(file, asked.batch()));
        try (LanguageModel loaded = loading.load(terminal, file, options.batch());
                ServeLog printed = new ServeLog(terminal, logFormat(), logPrompts);
                BitaServer server = BitaServer.start(
                        loaded,
                        options.withAliases(Set.of(String.valueOf(loaded.path().getFileName()))),
                        printed,
                        this::problem)) {
            return serve(server, options);
        }
    }

    /** The batch, with as long a context as the memory allows unless one was asked for. */
    private BatchOptions fitting(Path file, BatchOptions batch) throws IOException {
        if (batch.context().isPresent()) {
            return batch;
        }
        try (ModelFile header = ModelFiles.open(file)) {
            MemoryNeed need = MemoryNeed.of(header, OptionalInt.empty(), batch.cacheFormat());
            int fitting = need.contextFor(batch.caches(), MachineMemory.now().totalBytes());
            if (fitting == need.context() || fitting < LEAST_CONTEXT) {
                return batch; // what does not fit at all is refused when it is loaded
            }
            terminal.note("note: the context is " + fitting + " of " + need.context() + " tokens, so that " + parallel
                    + " answers at a time fit the memory: --parallel and --context choose otherwise");
            return batch.withContext(fitting);
        }
    }

    private int serve(BitaServer server, ServerOptions options) throws InterruptedException {
        CountDownLatch end = new CountDownLatch(1);
        Duration patience = Duration.ofSeconds(drainTimeout);
        try (var _ = terminal.interruption().stopping(end::countDown, patience.plus(CLOSING))) {
            String address = options.host().contains(":") ? "[" + options.host() + "]" : options.host();
            terminal.println("serving " + options.modelId() + " at http://" + address + ":" + server.port());
            end.await();
            if (!server.drain(patience)) {
                terminal.note("note: some answers were cancelled: they took longer than " + drainTimeout + " s");
            }
            server.close();
        }
        return 0;
    }

    private ServerOptions options(SessionOptions session, SamplingSettings defaults) throws IOException {
        List<String> keys = new ArrayList<>(apiKeys);
        terminal.variable("BITA_API_KEY").ifPresent(list -> keys.addAll(List.of(list.split(","))));
        ServerOptions options = UsageException.check(() -> {
            BatchOptions automatic = BatchOptions.of(parallel);
            BatchOptions batch = new BatchOptions(
                    parallel,
                    automatic.rows(),
                    session.method(),
                    session.rows(),
                    session.context(),
                    session.cacheFormat(),
                    parallel);
            return ServerOptions.of(modelId(), batch)
                    .withAddress(host, port)
                    .withWaiting(queue)
                    .withApiKeys(keys)
                    .withCorsOrigins(Set.copyOf(corsOrigins))
                    .withSampling(defaults)
                    .withLimits(ServerLimits.DEFAULT.withRequestTimeout(Duration.ofSeconds(requestTimeout)));
        });
        if (keys.isEmpty() && !InetAddress.getByName(host).isLoopbackAddress()) {
            terminal.note("note: everybody who reaches " + host + " may use the server: --api-key keeps others out");
        }
        return options;
    }

    /** What requests call the model: its name, or its file's. */
    private String modelId() {
        String name = String.valueOf(Path.of(model.name).getFileName());
        return name.endsWith(MODEL_FILE) ? name.substring(0, name.length() - MODEL_FILE.length()) : name;
    }

    private ServeLog.Format logFormat() {
        return log.orElse(terminal.outIsTerminal() ? ServeLog.Format.TEXT : ServeLog.Format.NONE);
    }

    private void problem(Throwable problem) {
        terminal.debug(problem);
        terminal.error(Failure.sentence(problem));
    }
}
