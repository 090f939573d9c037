package bita.decode;

import bita.decode.SequenceListener.Ending;
import bita.model.Engine;
import bita.model.KvCache;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Decodes many sequences at once: the weights are read once per pass for all of them (continuous batching, Yu 2022, Orca,
 * OSDI 2022). Sequences join and leave between passes, and prompts are read in chunks by the passes that decode others.
 * Drafts of all sequences compete for the rows that pay; with many sequences there are none. Each sequence gets the
 * tokens it gets alone from a plain {@link DecodingSession}, whatever the others are.
 *
 * <p>Tokens with which prompts begin alike are read once: keys and values are copied from whichever sequence has them, be it
 * at work or ended and kept. Several answers to one prompt wait until the first one has read it.
 *
 * <p>A {@link #step}: every sequence puts its rows into one pass; the rows behind which a token is due get logits; each
 * sequence decides, keeps its rows and tells its listener. Sequences may be submitted and cancelled by any thread, and
 * one thread steps.
 */
public final class BatchDecoder implements AutoCloseable {
    /**
     * A prompt waits while another one is read, if that spares it so many tokens or more: to read them takes about as long
     * as a pass of a full batch.
     */
    private static final int WORTH_WAITING = 16;

    private final Engine engine;
    private final BatchSettings settings;
    private final int vocabulary;
    private final Optional<Drafting> drafting;
    private final SequencePasses passes;

    private final Queue<Ticket> waiting = new ConcurrentLinkedQueue<>();
    private final List<Job> active = new ArrayList<>(); // by arrival
    private final List<Sequence> ended = new ArrayList<>(); // by their end; the next prompt may begin like one of them
    private final Deque<Drafter> spareDrafters = new ArrayDeque<>(); // they have learned

    /**
     * A decoder without sequences.
     *
     * @param adapter  of the engine, for what is known of its drafts
     * @param costs    of steps, asked for if the method's steps are planned
     * @throws IllegalArgumentException if the method needs masks and the engine has no adapter
     */
    public BatchDecoder(Engine engine, Optional<Adapter> adapter, Supplier<StepCosts> costs, BatchSettings settings) {
        this.engine = engine;
        this.settings = settings;
        vocabulary = engine.model().config().vocabulary();
        drafting = Drafting.of(engine, adapter, settings.method(), settings.draftRows(), costs);
        drafting.ifPresent(d -> spareDrafters.push(d.drafter(engine, settings.sequences())));
        passes = new SequencePasses(engine, adapter, settings.rows() + draftRows());
    }

    /** Most rows of a pass that draft: masks behind prompts, rows that sources always have, and those of the planner. */
    private int draftRows() {
        return drafting.map(d -> settings.sequences()
                                * (d.masks() + spareDrafters.getFirst().baseRows() - 1)
                        + d.mostRows())
                .orElse(0);
    }

    /** A submitted sequence. */
    public static final class Ticket {
        private final BatchRequest request;
        private final int[] prompt;
        private final LogitsProcessor processor;
        private final SequenceListener listener;
        private volatile boolean cancelled;

        private Ticket(BatchRequest request, LogitsProcessor processor, SequenceListener listener) {
            this.request = request;
            prompt = request.prompt().stream().mapToInt(Integer::intValue).toArray();
            this.processor = processor;
            this.listener = listener;
        }

        /** Ends the sequence before the next pass, unless it has ended; from any thread. */
        public void cancel() {
            cancelled = true;
        }
    }

    /** As {@link #submit(BatchRequest, LogitsProcessor, SequenceListener)}, of tokens that the logits alone decide. */
    public Ticket submit(BatchRequest request, SequenceListener listener) {
        return submit(request, LogitsProcessor.NONE, listener);
    }

    /**
     * Adds a sequence, which joins at the next step that has room.
     *
     * @param processor that has accepted nothing
     * @throws IllegalArgumentException if the model does not have a token of the prompt
     */
    public Ticket submit(BatchRequest request, LogitsProcessor processor, SequenceListener listener) {
        for (int token : request.prompt()) {
            if (token < 0 || token >= vocabulary) {
                throw new IllegalArgumentException("token " + token + " is not among the model's " + vocabulary);
            }
        }
        Ticket ticket = new Ticket(request, processor, listener);
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
            join(calls);
            calls.makeAll(); // who has left or joined need not wait for the pass
            List<Job> jobs = prepare();
            if (!jobs.isEmpty()) {
                StepTime time = passes.run(
                        jobs.stream().map(job -> job.sequence).toList(), drafting.flatMap(Drafting::planner));
                for (Job job : jobs) {
                    job.advance(time, calls);
                }
            }
        } finally {
            calls.makeAll();
            active.removeIf(Job::isRetired);
            if (waiting.isEmpty()) {
                freeOldest();
            }
        }
        return !active.isEmpty() || !waiting.isEmpty();
    }

    private void leave(Calls calls) {
        active.removeIf(Job::isRetired); // those of a step that has thrown
        for (Job job : active) {
            if (job.ticket.cancelled) {
                job.retire();
                calls.add(() -> job.listener().ended(Ending.CANCELLED));
            }
        }
        active.removeIf(Job::isRetired);
        waiting.removeIf(ticket -> {
            boolean cancelled = ticket.cancelled;
            if (cancelled) {
                calls.add(() -> ticket.listener.ended(Ending.CANCELLED));
            }
            return cancelled;
        });
    }

    private void join(Calls calls) {
        while (active.size() < settings.sequences() && !waiting.isEmpty()) {
            Ticket ticket = waiting.element();
            active.add(new Job(ticket, sequenceFor(ticket.prompt)));
            waiting.remove();
        }
        for (Job job : active) {
            if (!job.begun) {
                Sequence prefix = longestPrefix(job);
                if (!isWorthWaiting(job, prefix.commonPrefix(job.ticket.prompt))) {
                    int reused = job.begin(prefix);
                    calls.add(() -> job.listener().joined(reused));
                }
            }
        }
        freeOldest();
    }

    /** The sequence that holds most of a job's prompt: its own or another. */
    private Sequence longestPrefix(Job job) {
        return Stream.of(
                        Stream.of(job.sequence),
                        active.stream().filter(other -> other.begun).map(other -> other.sequence),
                        ended.stream())
                .flatMap(sequences -> sequences)
                .max(Comparator.comparingInt(sequence -> sequence.commonPrefix(job.ticket.prompt)))
                .orElseThrow();
    }

    /** Whether a prompt that is being read will spare a job much more of its own than what is held already. */
    private boolean isWorthWaiting(Job job, int held) {
        int[] prompt = job.ticket.prompt;
        return active.stream()
                .filter(Job::isReading)
                .map(other -> other.ticket.prompt)
                .anyMatch(other -> TokenSequence.commonPrefix(other, other.length, prompt) >= held + WORTH_WAITING);
    }

    /** Nobody has asked for what these hold: let others have the memory. */
    private void freeOldest() {
        while (ended.size() > settings.kept()) {
            free(ended.removeFirst());
        }
    }

    /**
     * The ended sequence that the prompt continues. One of which it would take less than half stays as it is, for a prompt that
     * takes more, as long as there is room for another sequence.
     */
    private Sequence sequenceFor(int[] prompt) {
        Optional<Sequence> found = ended.stream()
                .max(Comparator.comparingInt(sequence -> sequence.commonPrefix(prompt)))
                .filter(sequence -> sequence.commonPrefix(prompt) >= (sequence.length() + 1) / 2)
                .or(() -> ended.size() > settings.kept() ? Optional.of(ended.getFirst()) : Optional.empty());
        found.ifPresent(ended::remove);
        return found.orElseGet(() -> new Sequence(
                new KvCache(engine.model().config(), settings.cacheFormat()),
                Optional.ofNullable(spareDrafters.poll())
                        .or(() -> drafting.map(d -> d.drafter(engine, settings.sequences()))),
                VerifiedLogits.IGNORE));
    }

    /** What the sequence's drafter has learned is kept. */
    private void free(Sequence sequence) {
        sequence.close();
        sequence.drafter().ifPresent(drafter -> {
            drafter.truncate(0);
            spareDrafters.push(drafter);
        });
    }

    /**
     * Tells those who decode to do so, and lets the others read prompts with the rows that are left, the first that came
     * first.
     *
     * @return whoever takes part in the next pass
     */
    private List<Job> prepare() {
        int left =
                settings.rows() - (int) active.stream().filter(Job::isDecoding).count();
        List<Job> jobs = new ArrayList<>(active.size());
        for (Job job : active) {
            if (job.isDecoding()) {
                job.decode();
                jobs.add(job);
            } else if (job.isReading() && left > 0) {
                left -= job.read(left);
                jobs.add(job);
            }
        }
        return jobs;
    }

    /** Ends all sequences as cancelled and frees their memory. */
    @Override
    public void close() {
        Calls calls = new Calls();
        active.forEach(job -> job.ticket.cancel());
        waiting.forEach(Ticket::cancel);
        leave(calls);
        ended.forEach(Sequence::close);
        ended.clear();
        passes.close();
        calls.makeAll();
    }

    /** A sequence that has joined. */
    private final class Job {
        private final Ticket ticket;
        private final Sequence sequence;
        private boolean begun;
        private int decided;
        private boolean retired;

        Job(Ticket ticket, Sequence sequence) {
            this.ticket = ticket;
            this.sequence = sequence;
        }

        /** Begins the prompt with what a sequence holds of it; returns how many tokens these are. */
        int begin(Sequence prefix) {
            BatchRequest request = ticket.request;
            sequence.begin(ticket.prompt, request.sampling(), request.choice(), ticket.processor, request.drafting());
            sequence.copyPrefix(prefix);
            begun = true;
            return ticket.prompt.length - sequence.unread();
        }

        SequenceListener listener() {
            return ticket.listener;
        }

        boolean isRetired() {
            return retired;
        }

        boolean isReading() {
            return begun && sequence.unread() > 0;
        }

        boolean isDecoding() {
            return begun && sequence.unread() == 0;
        }

        /** Reads up to so many tokens of the prompt; returns how many. */
        int read(int most) {
            int tokens = Math.min(most, sequence.unread());
            sequence.read(tokens);
            return tokens;
        }

        void decode() {
            sequence.decode(ticket.request.most() - decided, ticket.request.ends()::contains);
        }

        /**
         * Says what has come of the pass.
         *
         * @param time of one that has decoded
         */
        void advance(StepTime time, Calls calls) {
            if (sequence.problem().isPresent()) {
                NotANumberException found = sequence.problem().get();
                retire();
                calls.add(() -> listener().failed(found));
                return;
            }
            int promptTokens = ticket.prompt.length;
            int read = sequence.reading();
            if (read > 0) {
                int done = promptTokens - sequence.unread();
                calls.add(() -> listener().prompt(done, promptTokens));
            }
            if (!sequence.decided().isEmpty()) {
                decided(sequence.step(read > 0 ? StepTime.UNKNOWN : time), calls);
            }
        }

        private void decided(Step step, Calls calls) {
            decided += step.tokens().size();
            Optional<Ending> ending =
                    ticket.request.ends().contains(step.tokens().getLast().id())
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
            ended.add(sequence);
        }
    }

    /** What listeners are told. */
    private static final class Calls {
        private final List<Runnable> calls = new ArrayList<>();

        void add(Runnable call) {
            calls.add(call);
        }

        /** Makes all calls that were not made, then throws what the first one that failed has thrown. */
        void makeAll() {
            Optional<RuntimeException> failure = Optional.empty();
            List<Runnable> now = List.copyOf(calls);
            calls.clear();
            for (Runnable call : now) {
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
