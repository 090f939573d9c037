package bita.tune.reference;

import bita.model.file.ModelFormatException;
import bita.model.file.Text;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * A file of {@code torch.save} since PyTorch 1.6: a zip archive, uncompressed, of the pickle {@code data.pkl} that
 * describes the tensors, a record {@code data/KEY} for each storage, and {@code byteorder}, all in one folder of any
 * name. Opening reads the pickle; numbers are read when they are asked for, so that a large file costs no memory.
 *
 * <p>While the file is open it must not be shortened or rewritten in place. For one thread.
 *
 * @see <a href="https://docs.pytorch.org/docs/stable/notes/serialization.html">PyTorch's notes on serialization</a>
 */
final class TorchFile implements WeightFile {
    /** A shard of 13 GB has a pickle of some 50 kB. */
    private static final int LONGEST_PICKLE = 16 << 20;

    private static final Pattern PICKLE = Pattern.compile("([^/]+/)data\\.pkl");
    private static final byte[] ZIP = {'P', 'K'};
    private static final byte PROTOCOL = (byte) 0x80;

    private final Path path;
    private final ZipFile zip;
    private final String folder;
    private final ByteOrder order;
    private final List<Tensor> tensors;

    private TorchFile(Path path, ZipFile zip) throws IOException {
        this.path = path;
        this.zip = zip;
        ZipEntry pickle = pickle();
        String name = pickle.getName();
        folder = name.substring(0, name.indexOf('/') + 1);
        order = order();
        tensors = new ArrayList<>();
        TorchPickle.read(path, bytes(pickle, LONGEST_PICKLE))
                .forEach((key, view) -> tensors.add(new Tensor(key, view)));
    }

    /**
     * Opens a file.
     *
     * @throws ModelFormatException if it is not a sound file of {@code torch.save}, is of PyTorch before 1.6, or holds
     *     anything but a dictionary of tensors
     * @throws IOException if it cannot be read
     */
    static TorchFile open(Path path) throws IOException {
        if (!Files.isRegularFile(path)) {
            throw new NoSuchFileException(path.toString(), null, "there is no such file; is the checkpoint complete?");
        }
        checkBeginning(path);
        ZipFile zip;
        try {
            zip = new ZipFile(path.toFile());
        } catch (ZipException e) {
            throw damagedArchive(path, e);
        }
        try {
            return new TorchFile(path, zip);
        } catch (ZipException | EOFException e) {
            zip.close();
            throw damagedArchive(path, e);
        } catch (IOException | RuntimeException | Error e) {
            zip.close();
            throw e;
        }
    }

    private static void checkBeginning(Path path) throws IOException {
        byte[] beginning;
        try (InputStream file = Files.newInputStream(path)) {
            beginning = file.readNBytes(ZIP.length);
        }
        if (Arrays.equals(beginning, ZIP)) {
            return;
        }
        if (beginning.length > 0 && beginning[0] == PROTOCOL) {
            throw new ModelFormatException(
                    path,
                    "this is a file in PyTorch's format of before version 1.6: convert it in Python with f = '"
                            + path.getFileName() + "'; torch.save(torch.load(f, map_location='cpu'), f)");
        }
        throw new ModelFormatException(
                path, "this is no file of torch.save: it is incomplete or of another kind, so copy or save it again");
    }

    private ZipEntry pickle() throws ModelFormatException {
        List<? extends ZipEntry> pickles = zip.stream()
                .filter(entry -> PICKLE.matcher(entry.getName()).matches())
                .limit(2)
                .toList();
        if (pickles.size() != 1) {
            throw new ModelFormatException(
                    path,
                    "this zip archive has " + (pickles.isEmpty() ? "no" : "more than one")
                            + " data.pkl in a folder, as files of torch.save have: name a checkpoint of PyTorch");
        }
        return pickles.getFirst();
    }

    private ByteOrder order() throws IOException {
        ZipEntry record = zip.getEntry(folder + "byteorder");
        if (record == null) {
            // PyTorch before 2.1 wrote none, on machines that are little-endian but for the rarest.
            return ByteOrder.LITTLE_ENDIAN;
        }
        String text = new String(bytes(record, 16), StandardCharsets.US_ASCII);
        return switch (text) {
            case "little" -> ByteOrder.LITTLE_ENDIAN;
            case "big" -> ByteOrder.BIG_ENDIAN;
            default -> throw new ModelFormatException(path, "it has the unknown byte order " + Text.quote(text));
        };
    }

    /** A whole record. */
    private byte[] bytes(ZipEntry entry, int most) throws IOException {
        checkStored(entry);
        if (entry.getSize() > most) {
            throw new ModelFormatException(
                    path,
                    "its record " + Text.quote(entry.getName()) + " has " + entry.getSize() + " bytes, and " + most
                            + " are the most that is sensible: save only the tensors with"
                            + " torch.save(model.state_dict(), FILE)");
        }
        try (InputStream record = zip.getInputStream(entry)) {
            return readFully(record, (int) entry.getSize());
        }
    }

    /** Torch never compresses, and only in stored records can a place be reached at once. */
    private void checkStored(ZipEntry entry) throws ModelFormatException {
        if (entry.getMethod() != ZipEntry.STORED
                || entry.getSize() != entry.getCompressedSize()
                || entry.getSize() < 0) {
            throw new ModelFormatException(
                    path,
                    "its record " + Text.quote(entry.getName())
                            + " is compressed, which torch.save does not do: unpack the archive and pack it with zip -0");
        }
    }

    private static byte[] readFully(InputStream stream, int count) throws IOException {
        byte[] bytes = stream.readNBytes(count);
        if (bytes.length < count) {
            throw new EOFException();
        }
        return bytes;
    }

    private static ModelFormatException damagedArchive(Path path, IOException e) {
        String reason = e instanceof EOFException ? "it ends too early" : String.valueOf(e.getMessage());
        return new ModelFormatException(
                path, "its zip archive is damaged (" + Text.quote(reason) + "); copy or save it again", e);
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public List<Tensor> tensors() {
        return List.copyOf(tensors);
    }

    @Override
    public void close() throws IOException {
        zip.close();
    }

    /** A tensor, whose elements may lie anywhere in its storage. */
    final class Tensor implements StoredTensor {
        private final String name;
        private final TorchPickle.View view;

        private Tensor(String name, TorchPickle.View view) {
            this.name = name;
            this.view = view;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public long[] shape() {
            return view.sizes().clone();
        }

        @Override
        public float[] floats(long first, int count) throws IOException {
            long elements = Arrays.stream(view.sizes()).reduce(1, (a, b) -> a * b);
            Objects.checkFromIndexSize(first, count, elements);
            ZipEntry record = record(elements);
            float[] floats = new float[count];
            try (StorageReader reader = new StorageReader(record, view.storage().type())) {
                int done = 0;
                while (done < count) {
                    long place = place(first + done);
                    int run = run(first + done, count - done);
                    while (done + run < count && place(first + done + run) == place + run) {
                        run += run(first + done + run, count - done - run);
                    }
                    reader.read(place, floats, done, run);
                    done += run;
                }
            } catch (ZipException | EOFException e) {
                throw damagedArchive(path, e);
            }
            return floats;
        }

        private ZipEntry record(long elements) throws ModelFormatException {
            TorchPickle.Storage storage = view.storage();
            if (!storage.type().floatingPoint()) {
                throw new ModelFormatException(
                        path,
                        "tensor " + Text.quote(name) + " is stored as "
                                + storage.type().className() + ", and floating-point numbers are needed");
            }
            if (elements > storage.elements()) {
                throw new ModelFormatException(
                        path, "tensor " + Text.quote(name) + " repeats its numbers: save it after tensor.contiguous()");
            }
            ZipEntry record = Optional.ofNullable(zip.getEntry(folder + "data/" + storage.key()))
                    .orElseThrow(() -> new ModelFormatException(
                            path,
                            "the record of tensor " + Text.quote(name) + " is missing; the file is damaged, copy it"
                                    + " again"));
            checkStored(record);
            if (storage.elements() > record.getSize() / storage.type().elementBytes()) {
                throw new ModelFormatException(
                        path,
                        "tensor " + Text.quote(name) + " claims " + storage.elements() + " numbers in a record of "
                                + record.getSize() + " bytes; the file is damaged, copy it again");
            }
            return record;
        }

        /** How many elements of the innermost dimension lie side by side from one on. */
        private int run(long element, int most) {
            int innermost = view.sizes().length - 1;
            if (innermost < 0 || view.strides()[innermost] != 1) {
                return 1;
            }
            long size = view.sizes()[innermost];
            return (int) Math.min(most, size - element % size);
        }

        /** Where in its storage an element lies. */
        private long place(long element) {
            long place = view.offset();
            long rest = element;
            for (int d = view.sizes().length - 1; d >= 0; d--) {
                place += rest % view.sizes()[d] * view.strides()[d];
                rest /= view.sizes()[d];
            }
            return place;
        }
    }

    /** Reads from a storage at rising places, and begins anew where a place lies before the last one. */
    private final class StorageReader implements AutoCloseable {
        private static final int LONGEST_READ = 1 << 20;

        private final ZipEntry record;
        private final StorageType type;
        private InputStream stream;
        private long position; // in elements

        StorageReader(ZipEntry record, StorageType type) throws IOException {
            this.record = record;
            this.type = type;
            this.stream = zip.getInputStream(record);
        }

        void read(long place, float[] target, int offset, int count) throws IOException {
            if (place < position) {
                stream.close();
                stream = zip.getInputStream(record);
                position = 0;
            }
            stream.skipNBytes((place - position) * type.elementBytes());
            position = place + count;
            int done = 0;
            while (done < count) {
                int next = Math.min(LONGEST_READ, count - done);
                ByteBuffer bytes = ByteBuffer.wrap(readFully(stream, next * type.elementBytes()))
                        .order(order);
                for (int i = 0; i < next; i++) {
                    target[offset + done + i] = type.next(bytes);
                }
                done += next;
            }
        }

        @Override
        public void close() throws IOException {
            stream.close();
        }
    }
}
