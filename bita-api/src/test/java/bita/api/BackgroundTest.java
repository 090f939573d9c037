package bita.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class BackgroundTest {
    private final List<String> released = new ArrayList<>();

    @Test
    void whatIsTakenBelongsToTheCaller() throws IOException {
        try (Background<String> background = new Background<>("made", () -> "made", released::add)) {
            assertThat(background.take()).isEqualTo("made");
        }
        assertThat(released).isEmpty();
    }

    @Test
    void whatNobodyTakesIsFreedWhenItIsMade() {
        CountDownLatch closing = new CountDownLatch(1);
        Background<String> background = new Background<>(
                "made",
                () -> {
                    closing.await();
                    return "made";
                },
                released::add);
        closing.countDown();
        background.discard();
        background.close();
        assertThat(released).containsExactly("made");
    }

    @Test
    void failuresReachTheCaller() {
        assertThatThrownBy(() -> take(new IOException("damaged"))).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> take(new IllegalArgumentException())).isInstanceOf(IllegalArgumentException.class);
        assertThat(released).isEmpty();
    }

    @Test
    void anInterruptedCallerStillWaits() throws IOException {
        try (Background<String> background = new Background<>("made", () -> "made", released::add)) {
            Thread.currentThread().interrupt();
            assertThat(background.take()).isEqualTo("made");
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    private void take(Exception failure) throws IOException {
        Background<String> background = new Background<>(
                "failing",
                () -> {
                    throw failure;
                },
                released::add);
        try (background) {
            background.take();
        }
    }
}
