package bita.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessorsTest {
    @TempDir
    Path folder;

    private void processor(int number, String siblings) throws IOException {
        Path topology = Files.createDirectories(folder.resolve("cpu" + number).resolve("topology"));
        Files.writeString(topology.resolve("thread_siblings_list"), siblings + "\n");
    }

    @Test
    void threadsOfOneCoreCountOnce() throws IOException {
        processor(0, "0,2");
        processor(1, "1,3");
        processor(2, "0,2");
        processor(3, "1,3");
        Files.createDirectories(folder.resolve("cpu4")); // off
        Files.createDirectories(folder.resolve("cpufreq"));
        assertThat(Processors.cores(folder, 4)).isEqualTo(2);
        assertThat(Processors.cores(folder, 1)).isEqualTo(1);
    }

    @Test
    void withoutATopologyAllProcessorsCount() {
        assertThat(Processors.cores(folder, 3)).isEqualTo(3);
        assertThat(Processors.cores(folder.resolve("none"), 3)).isEqualTo(3);
    }

    @Test
    void thisMachineHasCores() {
        assertThat(Processors.cores()).isBetween(1, Runtime.getRuntime().availableProcessors());
    }
}
