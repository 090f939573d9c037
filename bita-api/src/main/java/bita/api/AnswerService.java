package bita.api;

import bita.decode.BatchDecoder;
import bita.decode.NotANumberException;
import bita.decode.Step;
import bita.decode.TokenLogprobs;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Generates answers for many callers: a {@link Batch} and the thread that steps it. All methods may be called by any thread.
 *
 * <p>Answers begin in the order in which they were asked for, but that one waits while another's prompt, which begins like its own, is
 * being read. An answer whose listener throws is cancelled, and the others
 * go on; where memory does not suffice, the answer that came last is cancelled.
 */
public final class AnswerService implements AutoCloseable {
    private final Batch batch;
    private final int places;
    private final Consumer<Throwable> problems;
    private final Thread stepping;
    private final Set<Ticket> open = new LinkedHashSet<>(); // by arrival; guarded by this
    private int running; // guarded by this
    private int telling; // callers who are being told how an answer ended; guarded by this
    private boolean draining; // guarded by this
    private volatile boolean closed;

    /**
     * Starts the service.
     *
     * @param options     of the batch
     * @param mostWaiting answers that wait while as many as the batch has run; 0 or more
     * @param problems    is told, by the stepping thread, what was not expected: what listeners have thrown, and faults
     * @throws IllegalArgumentException as {@link LanguageModel#batch}
     */
    public AnswerService(LanguageModel model, BatchOptions options, int mostWaiting, Consumer<Throwable> problems) {
        if (mostWaiting < 0) {
            throw new IllegalArgumentException("0 or more answers can wait, not " + mostWaiting);
        }
        batch = model.batch(options);
        places = Math.addExact(options.sequences(), mostWaiting);
        this.problems = problems;
        stepping = Thread.ofPlatform().name("bita-steps").daemon().unstarted(this::run);
        stepping.start();
    }

    /** An answer that was asked for. */
    public final class Ticket {
        private final Follower follower;
        private BatchDecoder.@Nullable Ticket submitted; // guarded by the service

        private Ticket(BatchListener listener) {
            follower = new Follower(this, listener);
        }

        /** Ends the answer before the next pass, unless it has ended; its listener hears of it. */
        public void cancel() {
            synchronized (AnswerService.this) {
                if (submitted != null) {
                    submitted.cancel();
                }
            }
        }
    }

    /** Most tokens of prompt and answer together. */
    public int context() {
        return batch.context();
    }

    /** Answers that run. */
    public synchronized int running() {
        return running;
    }

    /** Answers that wait for others to end. */
    public synchronized int waiting() {
        return open.size() - running;
    }

    /**
     * Asks for an answer.
     *
     * @param prompt   token ids, at least one
     * @param listener called by the stepping thread, which it must not hold up
     * @throws QueueFullException       if too many wait
     * @throws IllegalStateException    if the service is being closed
     * @throws ContextOverflowException if the prompt leaves no room for an answer
     * @throws IllegalArgumentException if the model does not have a token of the prompt or of a bias
     */
    public Ticket submit(int[] prompt, GenerationOptions options, BatchListener listener) {
        return submit(prompt, options, 1, _ -> listener).getFirst();
    }

    /**
     * Asks for several answers to a prompt, all or none; sampled ones differ.
     *
     * @param listeners by the answer's index, from 0
     * @throws RuntimeException as for a single one
     */
    public synchronized List<Ticket> submit(
            int[] prompt, GenerationOptions options, int choices, IntFunction<BatchListener> listeners) {
        if (draining) {
            throw new IllegalStateException("no further answers are taken on");
        }
        if (open.size() + choices > places) {
            throw new QueueFullException(places);
        }
        List<Ticket> tickets = new ArrayList<>();
        for (int choice = 0; choice < choices; choice++) {
            Ticket ticket = new Ticket(listeners.apply(choice));
            try {
                ticket.submitted = batch.submit(prompt, options, choice, ticket.follower);
            } catch (RuntimeException e) {
                tickets.forEach(Ticket::cancel);
                throw e;
            }
            open.add(ticket);
            tickets.add(ticket);
        }
        LockSupport.unpark(stepping);
        return tickets;
    }

    private void run() {
        while (!closed) {
            boolean more = false;
            try {
                more = batch.step();
            } catch (OutOfMemoryError e) {
                cancelLast();
                problems.accept(e);
                more = true;
            } catch (RuntimeException e) {
                cancelAll(); // whatever it was, none of these can be relied on
                problems.accept(e);
                more = true;
            }
            if (!more && !closed && isIdle()) {
                LockSupport.park(this);
            }
        }
        batch.close();
    }

    private synchronized boolean isIdle() {
        return open.isEmpty();
    }

    private synchronized void cancelLast() {
        if (!open.isEmpty()) {
            List.copyOf(open).getLast().cancel();
        }
    }

    private synchronized void cancelAll() {
        open.forEach(Ticket::cancel);
    }

    private synchronized void begun() {
        running++;
    }

    private synchronized void ended(Ticket ticket, boolean hasRun) {
        open.remove(ticket);
        if (hasRun) {
            running--;
        }
        telling++;
    }

    private synchronized void told() {
        telling--;
        notifyAll();
    }

    /**
     * Takes on no further answers, and waits until those there are have ended and their callers know it.
     *
     * @return false if some have not ended in time
     */
    public synchronized boolean drain(Duration most) throws InterruptedException {
        draining = true;
        long end = System.nanoTime() + most.toNanos();
        while (!open.isEmpty() || telling > 0) {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                return false;
            }
            wait(left);
        }
        return true;
    }

    /** Cancels all answers and frees their memory. */
    @Override
    public void close() {
        synchronized (this) {
            draining = true;
        }
        closed = true;
        LockSupport.unpark(stepping);
        boolean interrupted = false;
        while (stepping.isAlive()) {
            try {
                stepping.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Counts, and keeps one caller's faults from the others. */
    private final class Follower implements BatchListener {
        private final Ticket ticket;
        private final BatchListener listener;
        private boolean hasBegun;

        Follower(Ticket ticket, BatchListener listener) {
            this.ticket = ticket;
            this.listener = listener;
        }

        private void tell(Runnable call) {
            try {
                call.run();
            } catch (RuntimeException e) {
                ticket.cancel();
                problems.accept(e);
            }
        }

        /** Its place is free before its caller knows. */
        private void end(Runnable call) {
            ended(ticket, hasBegun);
            try {
                tell(call);
            } finally {
                told();
            }
        }

        @Override
        public void began(int reusedTokens) {
            hasBegun = true;
            begun();
            tell(() -> listener.began(reusedTokens));
        }

        @Override
        public void prompt(int tokensRead, int tokens) {
            tell(() -> listener.prompt(tokensRead, tokens));
        }

        @Override
        public void step(Step step) {
            tell(() -> listener.step(step));
        }

        @Override
        public void logprobs(TokenLogprobs logprobs) {
            tell(() -> listener.logprobs(logprobs));
        }

        @Override
        public void text(Piece piece) {
            tell(() -> listener.text(piece));
        }

        @Override
        public void finished(Answer answer) {
            end(() -> listener.finished(answer));
        }

        @Override
        public void failed(NotANumberException problem) {
            end(() -> listener.failed(problem));
        }
    }
}
