package bita.api.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The body of a response, chunk by chunk, with a limit on the wait for each: the client's own streams block for ever on
 * a connection that has gone silent.
 */
final class ResponseChunks implements Flow.Subscriber<List<ByteBuffer>>, AutoCloseable {

    /** The connection ended or went silent before the body did. */
    static final class BrokenTransferException extends IOException {
        BrokenTransferException(String message) {
            super(message);
        }
    }

    private sealed interface Signal {
        record Data(List<ByteBuffer> buffers) implements Signal {}

        record End() implements Signal {}

        record Failure(Throwable cause) implements Signal {}
    }

    private final BlockingQueue<Signal> signals = new LinkedBlockingQueue<>();
    private final CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
    private final Duration limit;

    ResponseChunks(Flow.Publisher<List<ByteBuffer>> body, Duration limit) {
        this.limit = limit;
        body.subscribe(this);
    }

    /** The next bytes, or nothing at the end of the body. */
    Optional<List<ByteBuffer>> next() throws BrokenTransferException, InterruptedException {
        Signal signal = signals.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
        return switch (signal) {
            case null -> throw new BrokenTransferException("the connection stalled: not a byte in " + seconds(limit));
            case Signal.Data data -> {
                // Asked for before these are written, so that network and disk work side by side.
                subscription.join().request(1);
                yield Optional.of(data.buffers);
            }
            case Signal.End end -> Optional.empty();
            case Signal.Failure failure ->
                throw new BrokenTransferException(
                        "the connection broke before the end of the file (" + failure.cause.getMessage() + ")");
        };
    }

    static String seconds(Duration duration) {
        return duration.toMillis() / 1e3 + " s";
    }

    @Override
    public void onSubscribe(Flow.Subscription s) {
        subscription.complete(s);
        s.request(1);
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        signals.add(new Signal.Data(buffers));
    }

    @Override
    public void onError(Throwable cause) {
        signals.add(new Signal.Failure(cause));
    }

    @Override
    public void onComplete() {
        signals.add(new Signal.End());
    }

    /** Gives up what has not been read. */
    @Override
    public void close() {
        var _ = subscription.thenAccept(Flow.Subscription::cancel);
    }
}
