package bita.decode;

import bita.decode.SequenceListener.Ending;
import bita.model.Engine;
import bita.model.ForwardPass;
import bita.model.KvCache;
import bita.model.Rows;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Decodes many sequences at once, a token each per pass: the weights are read once for all of them (continuous batching,
 * Yu 2022, Orca, OSDI 2022). Sequences join and leave between passes, and prompts are read in chunks by the passes that
 * decode others. Each sequence gets the tokens it gets alone from a plain {@link DecodingSession}, whatever the others
 * are.
 *
 * <p>A {@link #step}: every sequence puts its rows into one pass; the rows behind which a token is due get logits; each
 * sequence decides, keeps its rows and tells its listener. Sequences may be submitted and cancelled by any thread, and
 * one thread steps.
 */
public final class BatchDecoder implements AutoCloseable {
    private final Engine engine;
    private final BatchSettings settings;
    private final int vocabulary;
    private final ForwardPass pass;
    private final TokenDecider[] deciders; // one per thread
    private final int[] chain; // 0, 1, 2, ...: the rows that a sequence keeps

    private final Queue<Ticket> waiting = new ConcurrentLinkedQueue<>();
    private final List<Sequence> active = new ArrayList<>(); // by arrival
    private final Deque<KvCache> spare = new ArrayDeque<>();

    /** A decoder without sequences. */
    public BatchDecoder(Engine engine, BatchSettings settings) {
        this.engine = engine;
        this.settings = settings;
        vocabulary = engine.model().config().vocabulary();
        pass = new ForwardPass(engine, settings.rows());
        deciders = new TokenDecider[engine.team().threads()];
        Arrays.setAll(deciders, _ -> new TokenDecider(engine));
        chain = new int[settings.rows()];
        Arrays.setAll(chain, row -> row);
    }

    /** A submitted sequence. */
    public static final class Ticket {
        private final BatchRequest request;
        private final SequenceListener listener;
        private volatile boolean cancelled;

        private Ticket(BatchRequest request, SequenceListener listener) {
            this.request = request;
            this.listener = listener;
        }

        /** Ends the sequence before the next pass, unless it has ended; from any thread. */
        public void cancel() {
            cancelled = true;
        }
    }

    /**
     * Adds a sequence, which joins at the next step that has room.
     *
     * @throws IllegalArgumentException if the model does not have a token of the prompt
     */
    public Ticket submit(BatchRequest request, SequenceListener listener) {
        for (int token : request.prompt()) {
            if (token < 0 || token >= vocabulary) {
                throw new IllegalArgumentException("token " + token + " is not among the model's " + vocabulary);
            }
        }
        Ticket ticket = new Ticket(request, listener);
        waiting.add(ticket);
        return ticket;
    }

    /**
     * Lets sequences leave and join, and runs one pass.
     *
     * @return false if no sequence is left
     * @throws OutOfMemoryError if the caches do not fit the memory; the sequences are as before
     */
    public boolean step() {
        Calls calls = new Calls();
        try {
            leave(calls);
            join();
            if (!active.isEmpty()) {
                List<Sequence> parts = collectRows();
                pass.run(parts.stream().map(Sequence::part).toList());
                decide(parts);
                for (Sequence sequence : parts) {
                    sequence.advance(calls);
                }
            }
        } finally {
            calls.makeAll();
            active.removeIf(Sequence::isRetired);
        }
        return !active.isEmpty() || !waiting.isEmpty();
    }

    private void leave(Calls calls) {
        active.removeIf(Sequence::isRetired); // those of a step that has thrown
        for (Sequence sequence : active) {
            if (sequence.ticket.cancelled) {
                sequence.retire();
                calls.add(() -> sequence.listener().ended(Ending.CANCELLED));
            }
        }
        active.removeIf(Sequence::isRetired);
        waiting.removeIf(ticket -> {
            boolean cancelled = ticket.cancelled;
            if (cancelled) {
                calls.add(() -> ticket.listener.ended(Ending.CANCELLED));
            }
            return cancelled;
        });
    }

    private void join() {
        while (active.size() < settings.sequences() && !waiting.isEmpty()) {
            KvCache cache =
                    spare.isEmpty() ? new KvCache(engine.model().config(), settings.cacheFormat()) : spare.pop();
            active.add(new Sequence(waiting.remove(), cache));
        }
        // Nobody has asked for these: let others have the memory.
        spare.forEach(KvCache::close);
        spare.clear();
    }

    /** A row for each sequence that decodes, and the other rows for prompts, the first that came first. */
    private List<Sequence> collectRows() {
        int reading = (int) active.stream().filter(s -> s.unread() > 0).count();
        int left = settings.rows() - (active.size() - reading);
        int first = 0;
        List<Sequence> parts = new ArrayList<>(active.size());
        for (Sequence sequence : active) {
            int count = sequence.unread() > 0 ? Math.min(sequence.unread(), left) : 1;
            left -= sequence.unread() > 0 ? count : 0;
            if (count > 0) {
                sequence.collectRows(count, first);
                first += count;
                parts.add(sequence);
            }
        }
        return parts;
    }

    /** Gives logits to the last rows of those sequences whose next token is due, and lets them decide. */
    private void decide(List<Sequence> parts) {
        List<Sequence> due = parts.stream().filter(Sequence::isDue).toList();
        if (due.isEmpty()) {
            return;
        }
        int[] rows = due.stream().mapToInt(Sequence::lastRow).toArray();
        MemorySegment logits = pass.logits(rows, rows.length);
        long rowBytes = (long) vocabulary * Float.BYTES;
        engine.team().run(member -> {
            for (int i = member.index(); i < rows.length; i += deciders.length) {
                due.get(i).decide(deciders[member.index()], logits.asSlice(i * rowBytes, rowBytes));
            }
        });
    }

    /** Ends all sequences as cancelled and frees their memory. */
    @Override
    public void close() {
        Calls calls = new Calls();
        active.forEach(sequence -> sequence.ticket.cancel());
        waiting.forEach(Ticket::cancel);
        leave(calls);
        spare.forEach(KvCache::close);
        spare.clear();
        pass.close();
        calls.makeAll();
    }

    /** A sequence that has joined. */
    private final class Sequence {
        private final Ticket ticket;
        private final KvCache cache;
        private final Rows rows = new Rows();
        private int firstRow; // of the pass
        private int last; // the token decided last, valid once the prompt is read
        private int decided;
        private Optional<NotANumberException> problem = Optional.empty();
        private boolean retired;

        Sequence(Ticket ticket, KvCache cache) {
            this.ticket = ticket;
            this.cache = cache;
        }

        SequenceListener listener() {
            return ticket.listener;
        }

        boolean isRetired() {
            return retired;
        }

        /** Tokens of the prompt that no pass has read. */
        int unread() {
            return Math.max(0, ticket.request.prompt().size() - cache.length());
        }

        void collectRows(int count, int first) {
            firstRow = first;
            rows.clear();
            if (unread() == 0) {
                rows.addToken(last, Rows.CACHE_END);
            } else {
                for (int i = 0; i < count; i++) {
                    rows.addToken(ticket.request.prompt().get(cache.length() + i), i - 1);
                }
            }
        }

        ForwardPass.Part part() {
            return new ForwardPass.Part(cache, rows);
        }

        /** Whether this pass's last row is followed by a token to be decided, rather than by more of the prompt. */
        boolean isDue() {
            return cache.length() + rows.size() >= ticket.request.prompt().size();
        }

        int lastRow() {
            return firstRow + rows.size() - 1;
        }

        /** Called by any thread of the team. */
        void decide(TokenDecider decider, MemorySegment logits) {
            BatchRequest request = ticket.request;
            try {
                last = decider.decide(logits, cache.length() + rows.size() - 1, request.sampling(), request.choice());
                decided++;
            } catch (NotANumberException e) {
                problem = Optional.of(e);
            }
        }

        /** Keeps the rows of the pass, and says what has come of them. */
        void advance(Calls calls) {
            boolean due = isDue();
            int promptTokens = ticket.request.prompt().size();
            boolean read = unread() > 0;
            cache.accept(chain, rows.size());
            if (read) {
                int done = cache.length();
                calls.add(() -> listener().prompt(done, promptTokens));
            }
            if (problem.isPresent()) {
                NotANumberException found = problem.get();
                retire();
                calls.add(() -> listener().failed(found));
            } else if (due) {
                decided(calls);
            }
        }

        private void decided(Calls calls) {
            Step step = new Step(List.of(new Step.Token(last, DraftOrigin.ROOT, 0)), 0, rows.size(), StepTime.UNKNOWN);
            Optional<Ending> ending = ticket.request.ends().contains(last)
                    ? Optional.of(Ending.END_TOKEN)
                    : decided == ticket.request.most() ? Optional.of(Ending.LENGTH) : Optional.empty();
            if (ending.isPresent()) {
                retire();
            }
            calls.add(() -> {
                boolean goOn = listener().step(step);
                if (ending.isPresent()) {
                    listener().ended(ending.get());
                } else if (!goOn) {
                    retire();
                    listener().ended(Ending.STOPPED);
                }
            });
        }

        void retire() {
            retired = true;
            cache.truncate(0);
            spare.push(cache);
        }
    }

    /** What listeners are told when a step's work is done. */
    private static final class Calls {
        private final List<Runnable> calls = new ArrayList<>();

        void add(Runnable call) {
            calls.add(call);
        }

        /** Makes all calls, then throws what the first one that failed has thrown. */
        void makeAll() {
            Optional<RuntimeException> failure = Optional.empty();
            for (Runnable call : calls) {
                try {
                    call.run();
                } catch (RuntimeException e) {
                    if (failure.isPresent()) {
                        failure.get().addSuppressed(e);
                    } else {
                        failure = Optional.of(e);
                    }
                }
            }
            if (failure.isPresent()) {
                throw failure.get();
            }
        }
    }
}
