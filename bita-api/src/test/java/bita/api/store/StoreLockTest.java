package bita.api.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreLockTest {

    @TempDir
    Path folder;

    @Test
    void waitsForAnotherProcess() throws Exception {
        Path file = folder.resolve("x.lock");
        Path classes = Path.of(LockHolder.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        Process holder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        classes.toString(),
                        LockHolder.class.getName(),
                        file.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (var output = holder.inputReader()) {
            assertThat(output.readLine()).isEqualTo("locked");
            AtomicInteger waits = new AtomicInteger();
            // Killed rather than asked: the lock of a dead process must not stay.
            try (var _ = StoreLock.acquire(file, () -> {
                waits.incrementAndGet();
                holder.destroyForcibly();
            })) {
                assertThat(waits).hasValue(1);
            }
        } finally {
            holder.destroyForcibly();
        }
    }

    @Test
    void waitsForAnotherThreadWithoutLosingItsLock() throws Exception {
        Path file = folder.resolve("x.lock");
        StoreLock first = StoreLock.acquire(file, () -> {});
        Thread waiter = Thread.ofVirtual()
                .start(() -> assertThatThrownBy(() -> StoreLock.acquire(file, () -> {}))
                        .isInstanceOf(InterruptedException.class));
        Thread.sleep(150);
        assertThat(waiter.isAlive()).isTrue();
        waiter.interrupt();
        waiter.join();
        first.close();
        StoreLock.acquire(file, () -> assertThat(true).as("the lock is free").isFalse())
                .close();
    }
}
