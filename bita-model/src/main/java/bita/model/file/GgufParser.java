package bita.model.file;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * Parses the header of a GGUF file. Its time and memory are bounded by the bytes that are there, whatever they claim:
 * counts and lengths are compared with the bytes that remain before anything is skipped or allocated.
 */
final class GgufParser {
    /** The first four bytes of every GGUF file, as a little-endian number. */
    static final int MAGIC = 'G' | ('G' << 8) | ('U' << 16) | ('F' << 24);

    static final String ALIGNMENT_KEY = "general.alignment";
    static final int DEFAULT_ALIGNMENT = 32;
    static final int MAX_DIMENSIONS = 4;

    private static final int MAX_NESTING = 4;
    /** The largest segment that can be seen as a buffer. */
    private static final int MOST_HEADER_BYTES = Integer.MAX_VALUE - 8;

    // A key's length and one character, a type, and the shortest value.
    private static final int MIN_ENTRY_BYTES = 8 + 1 + 4 + 1;
    // A name's length and one character, the number of dimensions, one dimension, a type, and an offset.
    private static final int MIN_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8;
    private static final String REMEDY = "; the file is incomplete or damaged, so download or convert it again";

    private final Path path;
    private final MemorySegment file;
    private final ByteBuffer header;
    private int position;
    // Where the parser is, for messages, which are composed only when one is needed: start-up has no time for them.
    private String part = "the start";
    private String name = "";

    /** A header that was found sound. */
    record Header(GgufMetadata metadata, SequencedMap<String, ModelTensor> tensors) {}

    /** A tensor before the place of its data is known; the shape is outermost first. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Description(String name, long[] shape, GgmlType type, long offset, long bytes) {}

    private GgufParser(MappedFile file) {
        this.path = file.path();
        this.file = file.bytes();
        // A ByteBuffer rather than the segment: its accessors need no method handles, which are slow at start-up.
        this.header = this.file
                .asSlice(0, Math.min(this.file.byteSize(), MOST_HEADER_BYTES))
                .asByteBuffer()
                .order(ByteOrder.LITTLE_ENDIAN);
    }

    static Header parse(MappedFile file) throws ModelFormatException {
        return new GgufParser(file).parse();
    }

    private Header parse() throws ModelFormatException {
        checkMagicAndVersion();
        long tensorCount = int64();
        long entryCount = int64();
        checkCount(entryCount, MIN_ENTRY_BYTES, "metadata entries");
        GgufMetadata metadata = new GgufMetadata(path.toString(), entries(entryCount));
        long alignment = alignment(metadata);
        at("the list of tensors", "");
        checkCount(tensorCount, MIN_TENSOR_BYTES, "tensors");
        return new Header(metadata, tensors(tensorCount, alignment));
    }

    private void checkMagicAndVersion() throws ModelFormatException {
        if (header.limit() < Integer.BYTES || header.getInt(0) != MAGIC) {
            throw new ModelFormatException(
                    path, "this is no GGUF file, which would start with the letters GGUF; name a model in GGUF format");
        }
        position = Integer.BYTES;
        int version = int32();
        if (version == 2 || version == 3) {
            return;
        }
        if ((version & 0xffff) == 0 && version != 0) {
            throw new ModelFormatException(
                    path, "this is a big-endian GGUF file, which is not supported; convert it to little endian");
        }
        throw new ModelFormatException(
                path,
                "this is GGUF version " + Integer.toUnsignedString(version)
                        + ", and only versions 2 and 3 are supported; convert the model to version 3");
    }

    private SequencedMap<String, GgufValue> entries(long count) throws ModelFormatException {
        SequencedMap<String, GgufValue> values = new LinkedHashMap<>();
        for (long i = 0; i < count; i++) {
            at("a metadata key", "");
            String key = string();
            at("the metadata value of", key);
            GgufType type = valueType(int32());
            int start = position;
            skip(type, 1, 0);
            ByteBuffer bytes = header.slice(start, position - start).order(ByteOrder.LITTLE_ENDIAN);
            if (values.put(key, new GgufValue(type, bytes)) != null) {
                throw damaged("the metadata key " + Text.quote(key) + " occurs twice");
            }
        }
        return values;
    }

    /** Skips values of one type that lie side by side, of which there may be no more than bytes remain. */
    private void skip(GgufType type, int count, int depth) throws ModelFormatException {
        switch (type) {
            case STRING -> {
                for (int i = 0; i < count; i++) {
                    skipString();
                }
            }
            case ARRAY -> {
                if (depth == MAX_NESTING) {
                    throw damaged(place() + " nests arrays more than " + MAX_NESTING + " deep");
                }
                for (int i = 0; i < count; i++) {
                    GgufType element = valueType(int32());
                    long elements = int64();
                    checkCount(elements, element.bytes(), "elements");
                    skip(element, (int) elements, depth + 1);
                }
            }
            default -> advance((long) count * type.bytes());
        }
    }

    private void skipString() throws ModelFormatException {
        advance(int64());
    }

    private GgufType valueType(int id) throws ModelFormatException {
        Optional<GgufType> type = GgufType.byId(id);
        if (type.isEmpty()) {
            throw damaged(place() + " has the unknown type " + Integer.toUnsignedString(id));
        }
        return type.get();
    }

    static boolean isAlignment(long alignment) {
        return alignment > 0 && alignment <= Integer.MAX_VALUE && Long.bitCount(alignment) == 1;
    }

    private long alignment(GgufMetadata metadata) throws ModelFormatException {
        long alignment = metadata.integer(ALIGNMENT_KEY).orElse(DEFAULT_ALIGNMENT);
        if (!isAlignment(alignment)) {
            throw damaged("the alignment " + alignment + " is not a power of two below 2^31");
        }
        return alignment;
    }

    private SequencedMap<String, ModelTensor> tensors(long count, long alignment) throws ModelFormatException {
        List<Description> descriptions = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            descriptions.add(tensor(alignment));
        }
        long dataStart = (position + alignment - 1) & -alignment;
        checkPlaces(descriptions, Math.max(0, file.byteSize() - dataStart));

        SequencedMap<String, ModelTensor> tensors = new LinkedHashMap<>();
        for (Description tensor : descriptions) {
            MemorySegment data = file.asSlice(dataStart + tensor.offset(), tensor.bytes());
            ModelTensor previous = tensors.put(
                    tensor.name(), new ModelTensor(path, tensor.name(), tensor.shape(), tensor.type(), data));
            if (previous != null) {
                throw damaged("there are two tensors with the name " + Text.quote(tensor.name()));
            }
        }
        return tensors;
    }

    private Description tensor(long alignment) throws ModelFormatException {
        at("a tensor's name", "");
        String tensor = string();
        at("tensor", tensor);
        int dimensions = int32();
        if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
            throw damaged(place() + " has " + Integer.toUnsignedString(dimensions) + " dimensions, and 1 to "
                    + MAX_DIMENSIONS + " are allowed");
        }
        long[] shape = new long[dimensions];
        for (int i = dimensions - 1; i >= 0; i--) {
            shape[i] = int64();
            if (shape[i] <= 0) {
                throw damaged(place() + " has a dimension of size " + Long.toUnsignedString(shape[i]));
            }
        }
        GgmlType type = tensorType(int32());
        long row = shape[dimensions - 1];
        if (row % type.blockSize() != 0) {
            throw damaged(place() + " has rows of " + row + " elements, which is not a multiple of the " + type
                    + " block of " + type.blockSize());
        }
        long offset = int64();
        if (offset < 0 || offset % alignment != 0) {
            throw damaged(place() + " has its data at offset " + Long.toUnsignedString(offset)
                    + ", which is not a multiple of the alignment " + alignment);
        }
        return new Description(tensor, shape, type, offset, bytes(shape, type));
    }

    private GgmlType tensorType(int id) throws ModelFormatException {
        Optional<GgmlType> type = GgmlType.byId(id);
        if (type.isEmpty()) {
            throw new ModelFormatException(
                    path,
                    place() + " has the unknown type " + Integer.toUnsignedString(id)
                            + "; the file is damaged or newer than this program");
        }
        return type.get();
    }

    private long bytes(long[] shape, GgmlType type) throws ModelFormatException {
        try {
            long elements = 1;
            for (long size : shape) {
                elements = Math.multiplyExact(elements, size);
            }
            return Math.multiplyExact(elements / type.blockSize(), (long) type.blockBytes());
        } catch (ArithmeticException e) {
            throw new ModelFormatException(path, place() + " claims more than 2^63 bytes" + REMEDY, e);
        }
    }

    private void checkPlaces(List<Description> descriptions, long dataBytes) throws ModelFormatException {
        List<Description> byOffset = new ArrayList<>(descriptions);
        byOffset.sort(Comparator.comparingLong(Description::offset));
        long end = 0;
        for (Description tensor : byOffset) {
            if (tensor.offset() < end) {
                throw damaged("the data of tensor " + Text.quote(tensor.name()) + " overlaps that of another tensor");
            }
            if (tensor.bytes() > dataBytes - tensor.offset()) {
                throw damaged("the data of tensor " + Text.quote(tensor.name()) + " goes beyond the end of the file by "
                        + Long.toUnsignedString(tensor.offset() + tensor.bytes() - dataBytes) + " bytes");
            }
            end = tensor.offset() + tensor.bytes();
        }
    }

    /** A key or name. */
    private String string() throws ModelFormatException {
        long length = int64();
        int start = position;
        advance(length);
        byte[] bytes = new byte[position - start];
        header.get(start, bytes);
        if (bytes.length == 0) {
            throw damaged(place() + " is empty");
        }
        try {
            return Text.utf8(bytes, 0, bytes.length);
        } catch (CharacterCodingException e) {
            throw new ModelFormatException(path, place() + " is not valid UTF-8" + REMEDY, e);
        }
    }

    private int int32() throws ModelFormatException {
        int at = position;
        advance(Integer.BYTES);
        return header.getInt(at);
    }

    private long int64() throws ModelFormatException {
        int at = position;
        advance(Long.BYTES);
        return header.getLong(at);
    }

    /** Moves on by a number of bytes, which is unsigned and may be any that a file can claim. */
    private void advance(long bytes) throws ModelFormatException {
        if (bytes < 0 || bytes > header.limit() - position) {
            if (header.limit() < file.byteSize()) {
                throw new ModelFormatException(
                        path, place() + " goes beyond the first 2 GiB, where a header must end" + REMEDY);
            }
            throw damaged(place() + " needs " + Long.toUnsignedString(bytes) + " bytes where "
                    + (header.limit() - position) + " are left");
        }
        position += (int) bytes;
    }

    private void checkCount(long count, int leastBytes, String what) throws ModelFormatException {
        if (count < 0 || count > (header.limit() - position) / leastBytes) {
            throw damaged(place() + " claims " + Long.toUnsignedString(count) + " " + what
                    + ", more than the rest of the " + "file can hold");
        }
    }

    private void at(String part, String name) {
        this.part = part;
        this.name = name;
    }

    private String place() {
        return name.isEmpty() ? part : part + " " + Text.quote(name);
    }

    private ModelFormatException damaged(String problem) {
        return new ModelFormatException(path, problem + REMEDY);
    }
}
