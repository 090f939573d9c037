package bita.api.store;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The Hugging Face hub: {@code <endpoint>/<owner>/<repo>/resolve/main/<file>}.
 *
 * <p>Large files are redirected to a storage host; the hub's own answer carries their hash and size ({@code
 * X-Linked-Etag}, {@code X-Linked-Size}). Redirects are followed here rather than by the client, because the token must
 * not travel to another host.
 */
final class HubSource implements ModelSource {

    private static final int MAX_REDIRECTS = 5;
    private static final int MAX_BROKEN_TRANSFERS = 5;
    private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
    private static final Pattern NUMBER = Pattern.compile("\\d{1,18}");
    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d{1,18})-\\d+/(\\d{1,18})");

    private final HubSettings settings;
    private final HubSettings.Limits limits;

    HubSource(HubSettings settings, HubSettings.Limits limits) {
        this.settings = settings;
        this.limits = limits;
    }

    @Override
    public String description() {
        return "Hugging Face hub (" + settings.endpoint().getAuthority() + ")";
    }

    @Override
    public boolean needsNetwork() {
        return true;
    }

    @Override
    public String fetch(Wanted wanted, Path part, PullListener listener) throws IOException, InterruptedException {
        HttpClient client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(limits.connect())
                .build();
        try {
            return fetch(client, wanted, part, listener);
        } finally {
            client.shutdownNow();
        }
    }

    /** Continues a broken transfer at once for as long as every attempt brings something. */
    private String fetch(HttpClient client, Wanted wanted, Path part, PullListener listener)
            throws IOException, InterruptedException {
        long before = 0;
        for (int broken = 0; ; ) {
            Optional<ResumePoint> resume = ResumePoint.of(part);
            try {
                return transfer(open(client, wanted.hub(), part, resume), wanted, part, listener);
            } catch (PartFile.MismatchException e) {
                // An earlier run may have left rubbish; it is deleted now, so the next attempt starts from nothing.
                if (resume.isEmpty()) {
                    throw e;
                }
            } catch (ResponseChunks.BrokenTransferException e) {
                long after = ResumePoint.of(part).isPresent() ? part.toFile().length() : 0;
                if (after <= before || ++broken > MAX_BROKEN_TRANSFERS) {
                    throw e;
                }
                before = after;
            }
        }
    }

    /**
     * The final answer to a request, after all redirects.
     *
     * @param offset first byte of its body
     * @param bytes size of the whole file, if told
     * @param etag strong name of this version, if told
     * @param sha256 the hash, if told
     */
    private record Answer(
            HttpResponse<Flow.Publisher<List<ByteBuffer>>> response,
            long offset,
            OptionalLong bytes,
            Optional<String> etag,
            Optional<String> sha256) {}

    /** What the hub's own answers told about the file behind the redirect. */
    private record Linked(Optional<String> etag, OptionalLong bytes) {
        static final Linked NOTHING = new Linked(Optional.empty(), OptionalLong.empty());

        Linked or(HttpHeaders headers) {
            OptionalLong told = number(headers, "X-Linked-Size");
            return new Linked(
                    headers.firstValue("X-Linked-Etag")
                            .flatMap(HubSource::strong)
                            .or(() -> etag),
                    told.isPresent() ? told : bytes);
        }
    }

    private Answer open(HttpClient client, HubFile file, Path part, Optional<ResumePoint> resume)
            throws IOException, InterruptedException {
        URI address = URI.create(settings.endpoint() + "/" + file.repository() + "/resolve/main/" + file.file());
        Optional<ResumePoint> wish = resume;
        long offset = part.toFile().length();
        Linked linked = Linked.NOTHING;
        for (int redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(address).header("User-Agent", "bita");
            if (settings.isOwn(address)) {
                settings.token().ifPresent(t -> request.header("Authorization", "Bearer " + t));
            }
            if (wish.isPresent()) {
                request.header("Range", "bytes=" + offset + "-");
            }
            var response = send(client, request.build());
            if (settings.isOwn(address)) {
                linked = linked.or(response.headers());
            }
            if (REDIRECTS.contains(response.statusCode())) {
                discard(response);
                address = target(address, response);
                Linked known = linked;
                wish = wish.filter(w -> known.etag.map(w.etag()::equals).orElse(true));
                continue;
            }
            Optional<Answer> answer = judge(response, linked, wish, offset, file);
            if (answer.isPresent()) {
                return answer.get();
            }
            discard(response);
            return open(client, file, part, Optional.empty());
        }
        throw new IOException("it redirects more than " + MAX_REDIRECTS + " times");
    }

    /** The answer if it can be used, nothing if the whole file must be asked for instead of its rest. */
    private Optional<Answer> judge(
            HttpResponse<Flow.Publisher<List<ByteBuffer>>> response,
            Linked linked,
            Optional<ResumePoint> wish,
            long offset,
            HubFile file)
            throws IOException {
        HttpHeaders headers = response.headers();
        Optional<String> etag = linked.etag.or(() -> headers.firstValue("ETag").flatMap(HubSource::strong));
        Optional<String> sha256 = linked.etag.filter(Sha256::isHex);
        int status = response.statusCode();
        if (status == 200) {
            OptionalLong length = number(headers, "Content-Length");
            return Optional.of(new Answer(response, 0, length.isPresent() ? length : linked.bytes, etag, sha256));
        }
        if (status == 206 && wish.isPresent()) {
            Matcher range =
                    CONTENT_RANGE.matcher(headers.firstValue("Content-Range").orElse(""));
            return Optional.of(range)
                    .filter(r -> r.matches() && Long.parseLong(r.group(1)) == offset)
                    .map(r -> Long.parseLong(r.group(2)))
                    .filter(bytes -> wish.equals(etag.map(e -> new ResumePoint(e, bytes))))
                    .map(bytes -> new Answer(response, offset, OptionalLong.of(bytes), etag, sha256));
        }
        if (status == 416 && wish.isPresent()) {
            return Optional.empty();
        }
        discard(response);
        throw refusal(response, file);
    }

    private String transfer(Answer answer, Wanted wanted, Path part, PullListener listener)
            throws IOException, InterruptedException {
        try (ResponseChunks body = new ResponseChunks(answer.response.body(), limits.stall())) {
            if (wanted.bytes().isPresent()
                    && answer.bytes.isPresent()
                    && wanted.bytes().getAsLong() != answer.bytes.getAsLong()) {
                throw new IOException("its file now has " + answer.bytes.getAsLong() + " bytes instead of "
                        + wanted.bytes().getAsLong());
            }
            if (wanted.sha256().isPresent()
                    && answer.sha256.isPresent()
                    && !wanted.sha256().equals(answer.sha256)) {
                throw new IOException("its file now has the SHA-256 " + answer.sha256.get() + " instead of "
                        + wanted.sha256().get());
            }
            OptionalLong total = wanted.bytes().isPresent() ? wanted.bytes() : answer.bytes;
            try (PartFile out =
                    answer.offset > 0 ? PartFile.resume(part, total.orElseThrow()) : start(part, total, answer.etag)) {
                listener.progress(out.size(), total.orElse(-1));
                for (var chunk = body.next(); chunk.isPresent(); chunk = body.next()) {
                    for (ByteBuffer buffer : chunk.get()) {
                        out.append(buffer);
                    }
                    listener.progress(out.size(), total.orElse(-1));
                }
                return out.complete(wanted.sha256().or(answer::sha256));
            }
        }
    }

    private static PartFile start(Path part, OptionalLong total, Optional<String> etag) throws IOException {
        PartFile out = PartFile.create(part, total);
        if (etag.isPresent() && total.isPresent()) {
            new ResumePoint(etag.get(), total.getAsLong()).save(part);
        }
        return out;
    }

    private static OptionalLong number(HttpHeaders headers, String name) {
        return headers.firstValue(name).stream()
                .filter(v -> NUMBER.matcher(v).matches())
                .mapToLong(Long::parseLong)
                .findFirst();
    }

    /** The value of a strong ETag, without quotes; a weak one does not promise the same bytes. */
    private static Optional<String> strong(String etag) {
        return etag.startsWith("W/")
                ? Optional.empty()
                : Optional.of(etag.replace("\"", "")).filter(e -> !e.isBlank());
    }

    private URI target(URI from, HttpResponse<?> response) throws IOException {
        URI to;
        try {
            to = from.resolve(response.headers().firstValue("Location").orElse(""));
        } catch (IllegalArgumentException e) {
            throw new IOException("it redirects to something that is not an address", e);
        }
        boolean secure = "https".equalsIgnoreCase(to.getScheme());
        boolean downgrade = "https".equalsIgnoreCase(from.getScheme()) && !secure;
        if (to.getHost() == null || downgrade || !(secure || "http".equalsIgnoreCase(to.getScheme()))) {
            throw new IOException("it redirects to " + to + ", which is not followed");
        }
        return to;
    }

    private HttpResponse<Flow.Publisher<List<ByteBuffer>>> send(HttpClient client, HttpRequest request)
            throws IOException, InterruptedException {
        String host = request.uri().getAuthority();
        CompletableFuture<HttpResponse<Flow.Publisher<List<ByteBuffer>>>> answer =
                client.sendAsync(request, BodyHandlers.ofPublisher());
        try {
            return answer.get(limits.stall().toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException(host + " does not answer within " + ResponseChunks.seconds(limits.stall()), e);
        } catch (ExecutionException e) {
            throw new IOException(unreachable(host, e), e);
        } finally {
            answer.cancel(true);
        }
    }

    private String unreachable(String host, ExecutionException failure) {
        return switch (failure.getCause()) {
            case HttpConnectTimeoutException e ->
                "no connection to " + host + " within " + ResponseChunks.seconds(limits.connect());
            case ConnectException e
            when hasCause(e, UnresolvedAddressException.class) ->
                "the name of the host " + host + " cannot be resolved; is there a network?";
            case ConnectException e -> "no connection to " + host;
            case null, default -> "talking to " + host + " failed: " + failure.getCause();
        };
    }

    private static boolean hasCause(Throwable failure, Class<? extends Throwable> type) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (type.isInstance(t)) {
                return true;
            }
        }
        return false;
    }

    private IOException refusal(HttpResponse<?> response, HubFile file) {
        int status = response.statusCode();
        String host = response.uri().getAuthority();
        return new IOException(
                switch (status) {
                    case 401, 403 ->
                        host + " refuses access to " + file.repository() + " (status " + status + "): it may be "
                                + "private or gated, or not exist; "
                                + (settings.token().isPresent()
                                        ? "the token in use has no right to it, so ask for access on its page or set "
                                                + "another token in HF_TOKEN"
                                        : "ask for access on its page and set HF_TOKEN to your token");
                    case 404 -> host + " has no " + file.file() + " in " + file.repository() + " (status 404)";
                    case 429 -> host + " allows no more requests for now (status 429); try again later";
                    default ->
                        status >= 500
                                ? host + " has a problem (status " + status + "); try again later"
                                : host + " answers with the unexpected status " + status;
                });
    }

    private void discard(HttpResponse<Flow.Publisher<List<ByteBuffer>>> response) {
        new ResponseChunks(response.body(), limits.stall()).close();
    }
}
