package bita.kernels;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Threads that execute one program side by side: each works on its share of every phase and waits at a barrier between
 * phases. A forward pass is one program with a few hundred barriers, each a microsecond apart, so waiting threads spin
 * first, then yield, then sleep. The calling thread is member 0; one program runs at a time.
 *
 * <p>How work is split never changes a result: every output element is computed by one thread in its defined order.
 */
public final class ThreadTeam implements AutoCloseable {
    private static final int SPINS = 1_000;
    private static final int YIELDS = 2_000;
    private static final long NAP_NANOS = 50_000;
    /** Rounds of waiting for a program before a thread sleeps until it is woken: some tens of milliseconds. */
    private static final int PATIENCE = SPINS + YIELDS + 500;

    /** What every member executes. */
    @FunctionalInterface
    public interface Program {
        void run(Member member);
    }

    private final Member[] members;
    private final Thread[] workers;
    private final AtomicInteger arrived = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final AtomicInteger finished = new AtomicInteger();
    private final AtomicInteger generation = new AtomicInteger();
    private volatile int phase;
    private volatile boolean closed;
    private volatile @Nullable Program program;

    /**
     * Starts {@code threads - 1} daemon threads.
     *
     * @param threads 1 or more
     */
    public ThreadTeam(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("a team needs at least one thread, not " + threads);
        }
        members = new Member[threads];
        workers = new Thread[threads - 1];
        for (int i = 0; i < threads; i++) {
            members[i] = new Member(i);
        }
        for (int i = 0; i < workers.length; i++) {
            Member member = members[i + 1];
            workers[i] = Thread.ofPlatform().daemon().name("bita-" + (i + 1)).start(() -> work(member));
        }
    }

    /** Threads that a team should have by default: one for each physical core. */
    public static int defaultThreads() {
        return Processors.cores();
    }

    public int threads() {
        return members.length;
    }

    /**
     * Runs the program on all members and returns when all have finished.
     *
     * @throws RuntimeException what the first failing member threw; the others stop at their next barrier
     * @throws IllegalStateException if a member asks for it: it would wait for itself
     */
    public void run(Program task) {
        if (Arrays.asList(workers).contains(Thread.currentThread())) {
            throw nested();
        }
        runAlone(task);
    }

    private static IllegalStateException nested() {
        return new IllegalStateException("a program of the thread team cannot run another one on it");
    }

    private synchronized void runAlone(Program task) {
        if (closed) {
            throw new IllegalStateException("the thread team is closed");
        }
        if (program != null) { // this thread is the first member
            throw nested();
        }
        failure.set(null);
        arrived.set(0);
        finished.set(0);
        program = task;
        generation.incrementAndGet();
        for (Thread worker : workers) {
            LockSupport.unpark(worker);
        }
        execute(members[0], task);
        for (int spins = 0; finished.get() < members.length; spins++) {
            pause(spins);
        }
        program = null;
        Throwable thrown = failure.get();
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown instanceof RuntimeException exception) {
            throw exception;
        }
    }

    /** Ends the threads, once a program that is running has finished. */
    @Override
    public synchronized void close() {
        closed = true;
        for (Thread worker : workers) {
            LockSupport.unpark(worker);
        }
    }

    private void work(Member member) {
        int seen = 0;
        while (true) {
            int spins = 0;
            while (generation.get() == seen && !closed) {
                if (spins < PATIENCE) {
                    pause(spins++);
                } else {
                    LockSupport.park(this); // run() and close() wake it
                }
            }
            if (closed) {
                return;
            }
            seen = generation.get();
            Program task = program;
            if (task != null) {
                execute(member, task);
            }
        }
    }

    private void execute(Member member, Program task) {
        try {
            task.run(member);
        } catch (Stopped e) {
            // another member failed; its exception is reported
        } catch (RuntimeException | Error e) {
            failure.compareAndSet(null, e);
        }
        finished.incrementAndGet();
    }

    @SuppressWarnings("ThreadPriorityCheck") // a yield costs less than a nap when a thread too many is running
    private static void pause(int spins) {
        if (spins < SPINS) {
            Thread.onSpinWait();
        } else if (spins < SPINS + YIELDS) {
            Thread.yield();
        } else {
            LockSupport.parkNanos(NAP_NANOS);
        }
    }

    /** Unwinds a member when another one has failed. */
    private static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Stopped() {
            super("another thread of the team failed", null, false, false);
        }
    }

    /** One thread's view of the team, handed to the program. */
    public final class Member {
        private final int index;

        Member(int index) {
            this.index = index;
        }

        /** 0 for the calling thread, up to threads - 1. */
        public int index() {
            return index;
        }

        /** First of this member's share of {@code items}. */
        public int from(int items) {
            return (int) ((long) items * index / members.length);
        }

        /** End, exclusive, of this member's share of {@code items}. */
        public int to(int items) {
            return (int) ((long) items * (index + 1) / members.length);
        }

        /** Waits until every member has come here. What was written before is visible to all afterwards. */
        public void barrier() {
            int current = phase;
            if (arrived.incrementAndGet() == members.length) {
                arrived.set(0);
                phase = current + 1;
                return;
            }
            for (int spins = 0; phase == current; spins++) {
                if (failure.get() != null) {
                    throw new Stopped();
                }
                pause(spins);
            }
        }
    }
}
