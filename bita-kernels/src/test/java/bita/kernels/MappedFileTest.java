package bita.kernels;

import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MappedFileTest {
    @TempDir
    Path folder;

    private static List<Kernels> everyKernels() {
        List<Kernels> all = new ArrayList<>(List.of(new ScalarKernels()));
        KernelsProvider.instructionSets().forEach(isa -> all.add(NativeKernels.of(isa)));
        return all;
    }

    @Test
    void whatWasDroppedIsReadAgain() throws IOException {
        byte[] content = new byte[1_000_003];
        new Random(1).nextBytes(content);
        Path file = Files.write(folder.resolve("file"), content);
        try (Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(file, READ)) {
            MemorySegment mapped = channel.map(MapMode.READ_ONLY, 0, content.length, arena);
            for (Kernels kernels : everyKernels()) {
                for (MemorySegment part : List.of(mapped, mapped.asSlice(4097, 100_000), mapped.asSlice(70_000, 0))) {
                    kernels.readAhead(part);
                    assertThat(mapped.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(content);
                    kernels.dropPages(part);
                    assertThat(mapped.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(content);
                }
            }
        }
    }

    /** Dropping such pages would lose what was written to them. */
    @Test
    void refusesMemoryThatIsNoFileMappedForReading() throws IOException {
        Path file = Files.write(folder.resolve("file"), new byte[5000]);
        try (Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(file, READ, WRITE)) {
            for (Kernels kernels : everyKernels()) {
                for (MemorySegment memory : List.of(
                        arena.allocate(5000),
                        MemorySegment.ofArray(new byte[5000]).asReadOnly(),
                        channel.map(MapMode.PRIVATE, 0, 5000, arena))) {
                    assertThatThrownBy(() -> kernels.dropPages(memory))
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessageContaining("not a file mapped for reading");
                    assertThatThrownBy(() -> kernels.readAhead(memory)).isInstanceOf(IllegalArgumentException.class);
                }
            }
        }
    }
}
