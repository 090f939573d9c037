package bita.api.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskSpaceTest {

    @Test
    void writesSizesForPeople() {
        assertThat(DiskSpace.human(999)).isEqualTo("999 bytes");
        assertThat(DiskSpace.human(98_362_432)).isEqualTo("98.4 MB");
        assertThat(DiskSpace.human(999_960)).isEqualTo("1.0 MB");
    }

    @Test
    void explainsAFullDiskAndNothingElse(@TempDir Path folder) throws IOException {
        assertThat(DiskSpace.explain(new IOException("No space left on device"), folder, 5_000_000))
                .isInstanceOf(DiskSpace.DiskFullException.class)
                .hasMessageMatching("Not enough disk space in .*: 5.0 MB are needed, .* are free\\.");
        IOException other = new IOException("Input/output error");
        assertThat(DiskSpace.explain(other, folder, 1)).isSameAs(other);
    }
}
