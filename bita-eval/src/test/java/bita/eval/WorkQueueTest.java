package bita.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.eval.WorkQueue.Piece;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class WorkQueueTest {
    private static WorkQueue queue(int cores) {
        return new WorkQueue(cores, 0, AuditListener.NONE);
    }

    private static <T> Piece<T> piece(int threads, WorkQueue.Work<T> work) {
        return new Piece<>("", threads, 1, work);
    }

    private static Piece<Integer> untilInterrupted(Runnable first, AtomicBoolean interrupted) {
        return piece(1, () -> {
            first.run();
            try {
                Thread.sleep(20_000);
            } catch (InterruptedException e) {
                interrupted.set(true);
                throw e;
            }
            return 0;
        });
    }

    @Test
    void resultsAreInTheOrderOfThePieces() throws Exception {
        assertThat(queue(4).run(List.of(piece(2, () -> "a"), piece(1, () -> "b"), piece(9, () -> "c"))))
                .containsExactly("a", "b", "c");
        assertThat(queue(4).run(List.of())).isEmpty();
    }

    @Test
    void piecesOfFewThreadsRunSideBySide() throws Exception {
        CyclicBarrier both = new CyclicBarrier(2);
        WorkQueue.Work<Integer> meeting = () -> {
            try {
                return both.await(20, TimeUnit.SECONDS);
            } catch (Exception e) {
                throw new IOException(e);
            }
        };

        assertThat(queue(4).run(List.of(piece(2, meeting), piece(2, meeting)))).containsExactlyInAnyOrder(0, 1);
    }

    @Test
    void piecesOfManyThreadsRunAlone() throws Exception {
        AtomicInteger running = new AtomicInteger();
        WorkQueue.Work<Integer> alone = () -> {
            int others = running.getAndIncrement();
            Thread.sleep(5);
            running.decrementAndGet();
            return others;
        };
        List<Piece<Integer>> pieces = Collections.nCopies(4, piece(3, alone));

        assertThat(queue(4).run(pieces)).containsOnly(0);
    }

    @Test
    void reportsWhatIsDoneBeforeEachPiece() throws Exception {
        List<String> reports = new ArrayList<>();
        WorkQueue queue =
                new WorkQueue(1, 30, (done, total, what) -> reports.add(done + " of " + total + ", next " + what));

        queue.run(List.of(new Piece<>("a", 1, 10, () -> 1), new Piece<>("b", 1, 20, () -> 2)));

        assertThat(reports).containsExactly("0 of 30, next a", "10 of 30, next b");
    }

    @Test
    void aFailureInterruptsTheOthersAndNoneIsBegun() {
        CountDownLatch begun = new CountDownLatch(1);
        AtomicBoolean interrupted = new AtomicBoolean();
        AtomicBoolean late = new AtomicBoolean();
        Piece<Integer> waiting = untilInterrupted(begun::countDown, interrupted);
        Piece<Integer> failing = piece(1, () -> {
            begun.await();
            throw new IOException("gone");
        });
        Piece<Integer> never = piece(2, () -> {
            late.set(true);
            return 0;
        });

        assertThatThrownBy(() -> queue(2).run(List.of(waiting, failing, never)))
                .isInstanceOf(IOException.class)
                .hasMessage("gone");
        assertThat(interrupted).isTrue();
        assertThat(late).isFalse();
    }

    @Test
    void anInterruptionEndsThePieces() {
        Thread caller = Thread.currentThread();
        AtomicBoolean interrupted = new AtomicBoolean();
        Piece<Integer> waiting = untilInterrupted(caller::interrupt, interrupted);

        assertThatThrownBy(() -> queue(1).run(List.of(waiting))).isInstanceOf(InterruptedException.class);
        assertThat(interrupted).isTrue();
    }
}
