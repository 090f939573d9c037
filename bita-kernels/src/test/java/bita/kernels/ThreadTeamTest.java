package bita.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class ThreadTeamTest {
    /** Each phase moves the numbers one place on; a member that ran ahead or lagged would read the wrong phase. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void noMemberPassesABarrierBeforeAllHaveCome(int threads) {
        int phases = 600;
        try (ThreadTeam team = new ThreadTeam(threads)) {
            int[] numbers = new int[threads];
            int[] next = new int[threads];
            AtomicInteger wrong = new AtomicInteger();
            team.run(member -> {
                int me = member.index();
                for (int phase = 0; phase < phases; phase++) {
                    int[] source = phase % 2 == 0 ? numbers : next;
                    int[] target = phase % 2 == 0 ? next : numbers;
                    int left = source[(me + 1) % threads];
                    if (left != phase) {
                        wrong.incrementAndGet();
                    }
                    target[me] = left + 1;
                    member.barrier();
                }
            });
            assertThat(wrong).hasValue(0);
            assertThat(numbers).containsOnly(phases);
        }
    }

    /** Rather than waiting for itself, for ever. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void refusesAProgramWithinAProgram(int threads) {
        try (ThreadTeam team = new ThreadTeam(threads)) {
            for (int asking = 0; asking < threads; asking++) {
                int index = asking;
                assertThatThrownBy(() -> team.run(member -> {
                            if (member.index() == index) {
                                team.run(inner -> {});
                            }
                        }))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("cannot run another one");
            }
            AtomicInteger runs = new AtomicInteger();
            team.run(member -> runs.incrementAndGet());
            assertThat(runs).hasValue(threads);
        }
    }

    @Test
    void everyMemberRunsEveryProgram() {
        try (ThreadTeam team = new ThreadTeam(4)) {
            AtomicIntegerArray runs = new AtomicIntegerArray(4);
            for (int i = 0; i < 200; i++) {
                team.run(member -> runs.incrementAndGet(member.index()));
            }
            assertThat(team.threads()).isEqualTo(4);
            for (int i = 0; i < 4; i++) {
                assertThat(runs.get(i)).isEqualTo(200);
            }
        }
    }

    @Test
    void sharesCoverAllItemsOnce() {
        for (int threads = 1; threads <= 5; threads++) {
            try (ThreadTeam team = new ThreadTeam(threads)) {
                for (int items : new int[] {0, 1, 3, 4, 7, 100, Integer.MAX_VALUE}) {
                    int[] edges = new int[2 * threads];
                    team.run(member -> {
                        edges[2 * member.index()] = member.from(items);
                        edges[2 * member.index() + 1] = member.to(items);
                    });
                    assertThat(edges[0]).isZero();
                    assertThat(edges[edges.length - 1]).isEqualTo(items);
                    for (int i = 1; i + 1 < edges.length; i += 2) {
                        assertThat(edges[i]).isEqualTo(edges[i + 1]);
                    }
                    assertThat(edges).isSorted();
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void anExceptionStopsAllMembersAndTheTeamGoesOn(int failing) {
        try (ThreadTeam team = new ThreadTeam(3)) {
            for (int round = 0; round < 8; round++) {
                AtomicInteger passed = new AtomicInteger();
                assertThatThrownBy(() -> team.run(member -> {
                            member.barrier();
                            if (member.index() == failing) {
                                throw new IllegalArgumentException("member " + failing);
                            }
                            member.barrier();
                            passed.incrementAndGet();
                        }))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("member " + failing);
                assertThat(passed).hasValue(0);

                int[] sums = new int[3];
                team.run(member -> {
                    for (int i = 0; i < 10; i++) {
                        sums[member.index()]++;
                        member.barrier();
                    }
                });
                assertThat(sums).containsOnly(10);
            }
        }
    }

    @Test
    void errorsPropagateToo() {
        try (ThreadTeam team = new ThreadTeam(2)) {
            assertThatThrownBy(() -> team.run(member -> {
                        if (member.index() == 1) {
                            throw new StackOverflowError("deep");
                        }
                    }))
                    .isInstanceOf(StackOverflowError.class);
        }
    }

    @Test
    void programsOfSeveralCallersRunOneAfterTheOther() throws InterruptedException {
        try (ThreadTeam team = new ThreadTeam(3)) {
            AtomicInteger inside = new AtomicInteger();
            AtomicInteger most = new AtomicInteger();
            Thread[] callers = new Thread[3];
            Arrays.setAll(
                    callers,
                    i -> Thread.ofPlatform().start(() -> {
                        for (int j = 0; j < 50; j++) {
                            team.run(member -> {
                                most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                                member.barrier();
                                inside.decrementAndGet();
                                member.barrier();
                            });
                        }
                    }));
            for (Thread caller : callers) {
                caller.join();
            }
            assertThat(most).hasValue(3);
            assertThat(inside).hasValue(0);
        }
    }

    @Test
    void closeEndsTheThreads() throws InterruptedException {
        Thread[] threads = new Thread[3];
        ThreadTeam team = new ThreadTeam(3);
        team.run(member -> threads[member.index()] = Thread.currentThread());
        team.close();
        assertThat(threads[0]).isSameAs(Thread.currentThread());
        assertThat(threads[1].join(Duration.ofSeconds(10))).isTrue();
        assertThat(threads[2].join(Duration.ofSeconds(10))).isTrue();
        assertThatThrownBy(() -> team.run(member -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void closeWaitsForARunningProgram() throws InterruptedException {
        for (int i = 0; i < 200; i++) {
            ThreadTeam team = new ThreadTeam(3);
            CountDownLatch started = new CountDownLatch(1);
            AtomicInteger done = new AtomicInteger();
            Thread caller = Thread.ofPlatform()
                    .start(() -> team.run(member -> {
                        started.countDown();
                        member.barrier();
                        done.incrementAndGet();
                    }));
            started.await();
            team.close();
            caller.join();
            assertThat(done).hasValue(3);
        }
    }

    @Test
    void aTeamNeedsAThread() {
        assertThatThrownBy(() -> new ThreadTeam(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("at least one thread");
    }
}
