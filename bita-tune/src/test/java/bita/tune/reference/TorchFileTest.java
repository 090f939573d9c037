package bita.tune.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TorchFileTest {
    private static final int MUTATIONS = 8_000;

    @TempDir
    Path folder;

    private Path file = Path.of("");

    @BeforeEach
    void name() {
        file = folder.resolve("model.bin");
    }

    @Test
    void readsAnyPartOfATensorThatLiesAcross() throws IOException {
        write(records(tensor(10, new long[] {3, 4}, new long[] {1, 20})));

        try (TorchFile torch = TorchFile.open(file)) {
            StoredTensor tensor = torch.tensors().getFirst();
            assertThat(tensor.shape()).containsExactly(3, 4);
            assertThat(tensor.floats(0, 12)).containsExactly(10, 30, 50, 70, 11, 31, 51, 71, 12, 32, 52, 72);
            assertThat(tensor.floats(5, 3)).containsExactly(31, 51, 71);
            assertThat(tensor.floats(12, 0)).isEmpty();
            assertThatThrownBy(() -> tensor.floats(5, 8)).isInstanceOf(IndexOutOfBoundsException.class);
        }
        write(records(tensor(99, new long[] {}, new long[] {})));
        try (TorchFile torch = TorchFile.open(file)) {
            assertThat(torch.tensors().getFirst().floats(0, 1)).containsExactly(99);
        }
        write(records(tensor(0, new long[] {0, 4}, new long[] {4, 1})));
        try (TorchFile torch = TorchFile.open(file)) {
            assertThat(torch.tensors().getFirst().floats(0, 0)).isEmpty();
        }
    }

    @Test
    void refusesTensorsThatCannotBeRead() throws IOException {
        Map<String, byte[]> records = records(tensor(0, new long[] {100, 100}, new long[] {0, 1}));
        refusesNumbers(records, "repeats its numbers");
        records = records(tensor(0, new long[] {100}, new long[] {1}));
        records.remove("model/data/0");
        refusesNumbers(records, "the record of tensor \"w\" is missing");
        records.put("model/data/0", new byte[396]);
        refusesNumbers(records, "claims 100 numbers in a record of 396 bytes");
        records.put(
                "model/data.pkl",
                new String(tensor(0, new long[] {3}, new long[] {1}), StandardCharsets.ISO_8859_1)
                        .replace("FloatStorage", "LongStorage")
                        .getBytes(StandardCharsets.ISO_8859_1));
        refusesNumbers(records, "stored as LongStorage");
    }

    private void refusesNumbers(Map<String, byte[]> records, String problem) throws IOException {
        write(records);
        try (TorchFile torch = TorchFile.open(file)) {
            StoredTensor tensor = torch.tensors().getFirst();
            assertThatThrownBy(() -> tensor.floats(0, 3))
                    .isInstanceOf(ModelFormatException.class)
                    .hasMessageContaining(problem);
        }
    }

    @Test
    void refusesOtherFiles() throws IOException {
        refuses("is missing".getBytes(StandardCharsets.UTF_8), "this is no file of torch.save");
        refuses(new byte[0], "this is no file of torch.save");
        refuses("PK".getBytes(StandardCharsets.UTF_8), "its zip archive is damaged");
        write(Map.of("word/document.xml", new byte[3]));
        refuses("no data.pkl in a folder");
        write(Map.of("a/data.pkl", new byte[3], "b/data.pkl", new byte[3]));
        refuses("more than one data.pkl");
        Map<String, byte[]> records = records(tensor(0, new long[] {1}, new long[] {1}));
        records.put("model/byteorder", "middle".getBytes(StandardCharsets.UTF_8));
        write(records);
        refuses("the unknown byte order \"middle\"");
        records.put("model/byteorder", new byte[17]);
        write(records);
        refuses("\"model/byteorder\" has 17 bytes, and 16 are the most");
        write(Map.of("model/data.pkl", new byte[(16 << 20) + 1]));
        refuses("has 16777217 bytes");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            zip.putNextEntry(new ZipEntry("model/data.pkl"));
            zip.write(new byte[1 << 24]);
        }
        refuses("is compressed, which torch.save does not do");
    }

    private void refuses(byte[] bytes, String problem) throws IOException {
        Files.write(file, bytes);
        refuses(problem);
    }

    private void refuses(String problem) {
        assertThatThrownBy(() -> TorchFile.open(file))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContaining(problem);
    }

    /** Damaged files of PyTorch's are read or refused with one sentence, whatever the damage. */
    @ParameterizedTest
    @ValueSource(strings = {"plain/pytorch_model.bin", "protocol4/pytorch_model.bin", "views_f64/learned.pth"})
    void damageEndsInOneSentence(String name) throws Exception {
        byte[] sound = Files.readAllBytes(Checkpoints.resource(name));
        Random random = new Random(2401_12522);
        int[] outcomes = new int[2];
        for (int i = 0; i < MUTATIONS; i++) {
            Files.write(file, mutated(sound, random));
            outcomes[accepts() ? 1 : 0]++;
        }
        assertThat(outcomes[0]).as("refused").isGreaterThan(MUTATIONS / 4);
        assertThat(outcomes[1]).as("read").isGreaterThan(MUTATIONS / 50);
    }

    /** One to eight bytes changed, most of them in the pickle and in the directory at the end, or a piece cut out. */
    private static byte[] mutated(byte[] sound, Random random) {
        if (random.nextInt(10) == 0) {
            int from = random.nextInt(sound.length);
            int length = random.nextInt(1, sound.length - from + 1);
            return ByteBuffer.allocate(sound.length - length)
                    .put(sound, 0, from)
                    .put(sound, from + length, sound.length - from - length)
                    .array();
        }
        byte[] mutated = sound.clone();
        int pickle = 1200;
        for (int n = random.nextInt(1, 9); n > 0; n--) {
            int at = switch (random.nextInt(5)) {
                case 0 -> random.nextInt(sound.length);
                case 1 -> sound.length - 1 - random.nextInt(pickle);
                default -> random.nextInt(pickle);
            };
            mutated[at] = switch (random.nextInt(4)) {
                case 0 -> (byte) (mutated[at] ^ 1 << random.nextInt(8));
                case 1 -> (byte) 0xff;
                case 2 -> sound[random.nextInt(pickle)];
                default -> (byte) random.nextInt();
            };
        }
        return mutated;
    }

    private boolean accepts() throws IOException {
        try (TorchFile torch = TorchFile.open(file)) {
            for (StoredTensor tensor : torch.tensors()) {
                if (!tensor.name().endsWith("weight")) {
                    continue;
                }
                long elements = 1;
                for (long size : tensor.shape()) {
                    elements *= size;
                }
                tensor.floats(0, (int) Math.min(elements, 1000));
            }
            return true;
        } catch (ModelFormatException e) {
            assertThat(e.getMessage()).startsWith(file + ": ").doesNotContain("\n");
            return false;
        }
    }

    private static byte[] tensor(long offset, long[] sizes, long[] strides) {
        return PickleBytes.protocol(2)
                .op('}')
                .text("w")
                .tensor(offset, sizes, strides)
                .op('s')
                .stop();
    }

    /** A file with a storage of the floats from 0 to 99. */
    private static Map<String, byte[]> records(byte[] pickle) {
        ByteBuffer numbers = ByteBuffer.allocate(400);
        for (int i = 0; i < 100; i++) {
            numbers.putFloat(i);
        }
        Map<String, byte[]> records = new LinkedHashMap<>();
        records.put("model/data.pkl", pickle);
        records.put("model/byteorder", "big".getBytes(StandardCharsets.UTF_8));
        records.put("model/data/0", numbers.array());
        return records;
    }

    private void write(Map<String, byte[]> records) throws IOException {
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            for (Map.Entry<String, byte[]> record : records.entrySet()) {
                ZipEntry entry = new ZipEntry(record.getKey());
                entry.setMethod(ZipEntry.STORED);
                entry.setSize(record.getValue().length);
                CRC32 crc = new CRC32();
                crc.update(record.getValue());
                entry.setCrc(crc.getValue());
                zip.putNextEntry(entry);
                zip.write(record.getValue());
            }
        }
    }
}
