package bita.model.file;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedMap;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;

/** Parses the header of a safetensors file, in time and memory bounded by the bytes that are there. */
final class SafetensorsParser {
    static final String METADATA = "__metadata__";

    /** As the reference implementation has it. */
    private static final int MAX_HEADER_BYTES = 100_000_000;

    private static final int MAX_DIMENSIONS = 64;
    private static final String REMEDY = "; the file is incomplete or damaged, so download or convert it again";
    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final Path path;
    private final MemorySegment file;

    /** A header that was found sound. */
    record Header(SequencedMap<String, String> metadata, SequencedMap<String, SafetensorsTensor> tensors) {}

    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Description(String name, String dtype, long[] shape, long begin, long end) {}

    private SafetensorsParser(MappedFile file) {
        this.path = file.path();
        this.file = file.bytes();
    }

    static Header parse(MappedFile file) throws ModelFormatException {
        return new SafetensorsParser(file).parse();
    }

    private Header parse() throws ModelFormatException {
        byte[] json = header();
        SequencedMap<String, String> metadata = new LinkedHashMap<>();
        List<Description> descriptions = new ArrayList<>();
        try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), json)) {
            expect(parser.nextToken(), JsonToken.START_OBJECT, "the header");
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                expect(parser.nextToken(), JsonToken.START_OBJECT, Text.quote(name));
                if (name.equals(METADATA)) {
                    readMetadata(parser, metadata);
                } else {
                    descriptions.add(readTensor(parser, name));
                }
            }
            if (parser.nextToken() != null) {
                throw damaged("there is more behind the end of the header's JSON");
            }
        } catch (JacksonException e) {
            throw new ModelFormatException(
                    path,
                    "the header is not the JSON that safetensors files start with (" + oneLine(e.getOriginalMessage())
                            + "); name a safetensors file, or download this one again",
                    e);
        }
        MemorySegment data = file.asSlice(Long.BYTES + json.length);
        checkPlaces(descriptions, data.byteSize());
        SequencedMap<String, SafetensorsTensor> tensors = new LinkedHashMap<>();
        for (Description tensor : descriptions) {
            MemorySegment bytes = data.asSlice(tensor.begin(), tensor.end() - tensor.begin());
            tensors.put(tensor.name(), new SafetensorsTensor(tensor.name(), tensor.dtype(), tensor.shape(), bytes));
        }
        return new Header(metadata, tensors);
    }

    private byte[] header() throws ModelFormatException {
        if (file.byteSize() < Long.BYTES) {
            throw damaged("the file ends before the length of its header");
        }
        long length = file.asSlice(0, Long.BYTES)
                .asByteBuffer()
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
        if (length < 2 || length > MAX_HEADER_BYTES) {
            throw new ModelFormatException(
                    path,
                    "this is no safetensors file: its header would have " + Long.toUnsignedString(length)
                            + " bytes, and 2 to " + MAX_HEADER_BYTES
                            + " are allowed; name a file in safetensors format");
        }
        if (length > file.byteSize() - Long.BYTES) {
            throw damaged("the header has " + length + " bytes where " + (file.byteSize() - Long.BYTES) + " are left");
        }
        byte[] json = new byte[(int) length];
        ByteBuffer bytes = file.asSlice(Long.BYTES, length).asByteBuffer();
        bytes.get(json);
        if (json[0] != '{') {
            throw new ModelFormatException(
                    path, "this is no safetensors file: its header does not start with {; name a file in that format");
        }
        return json;
    }

    private void readMetadata(JsonParser parser, SequencedMap<String, String> metadata) throws ModelFormatException {
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            expect(parser.nextToken(), JsonToken.VALUE_STRING, "the metadata value of " + Text.quote(key));
            metadata.put(key, parser.getString());
        }
    }

    private Description readTensor(JsonParser parser, String name) throws ModelFormatException {
        String tensor = "tensor " + Text.quote(name);
        Optional<String> dtype = Optional.empty();
        Optional<long[]> shape = Optional.empty();
        Optional<long[]> offsets = Optional.empty();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (field) {
                case "dtype" -> {
                    expect(value, JsonToken.VALUE_STRING, "the dtype of " + tensor);
                    dtype = Optional.of(parser.getString());
                }
                case "shape" -> shape = Optional.of(readSizes(parser, "the shape of " + tensor));
                case "data_offsets" -> offsets = Optional.of(readSizes(parser, "the offsets of " + tensor));
                default -> parser.skipChildren();
            }
        }
        if (dtype.isEmpty() || shape.isEmpty() || offsets.isEmpty() || offsets.get().length != 2) {
            throw damaged(tensor + " needs a dtype, a shape, and two data_offsets");
        }
        long begin = offsets.get()[0];
        long end = offsets.get()[1];
        if (begin > end) {
            throw damaged(tensor + " ends before it begins");
        }
        checkSize(tensor, dtype.get(), shape.get(), end - begin);
        return new Description(name, dtype.get(), shape.get(), begin, end);
    }

    private long[] readSizes(JsonParser parser, String what) throws ModelFormatException {
        expect(parser.currentToken(), JsonToken.START_ARRAY, what);
        long[] sizes = new long[MAX_DIMENSIONS];
        int count = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            expect(parser.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
            if (count == MAX_DIMENSIONS) {
                throw damaged(what + " has more than " + MAX_DIMENSIONS + " numbers");
            }
            sizes[count] = parser.getLongValue();
            if (sizes[count] < 0) {
                throw damaged(what + " has a negative number");
            }
            count++;
        }
        return Arrays.copyOf(sizes, count);
    }

    private void checkSize(String tensor, String dtype, long[] shape, long bytes) throws ModelFormatException {
        OptionalInt elementBytes = elementBytes(dtype);
        if (elementBytes.isEmpty()) {
            return;
        }
        long expected = elementBytes.getAsInt();
        try {
            for (long size : shape) {
                expected = Math.multiplyExact(expected, size);
            }
        } catch (ArithmeticException e) {
            throw new ModelFormatException(path, tensor + " claims more than 2^63 bytes" + REMEDY, e);
        }
        if (bytes != expected) {
            throw damaged(tensor + " has " + bytes + " bytes where dtype and shape need " + expected);
        }
    }

    /** Bytes of an element; empty for a type whose elements are not whole bytes, or that came into use later. */
    private static OptionalInt elementBytes(String dtype) {
        return switch (dtype) {
            case "BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0" -> OptionalInt.of(1);
            case "U16", "I16", "F16", "BF16" -> OptionalInt.of(2);
            case "U32", "I32", "F32" -> OptionalInt.of(4);
            case "U64", "I64", "F64", "C64" -> OptionalInt.of(8);
            default -> OptionalInt.empty();
        };
    }

    /** The data of the tensors has to fill the rest of the file without gap or overlap. */
    private void checkPlaces(List<Description> descriptions, long dataBytes) throws ModelFormatException {
        List<Description> byOffset = new ArrayList<>(descriptions);
        byOffset.sort(Comparator.comparingLong(Description::begin).thenComparingLong(Description::end));
        long end = 0;
        for (Description tensor : byOffset) {
            if (tensor.begin() != end) {
                throw damaged("the data of tensor " + Text.quote(tensor.name()) + " starts at " + tensor.begin()
                        + " where " + end + " is expected");
            }
            end = tensor.end();
        }
        if (end != dataBytes) {
            throw damaged("the tensors have " + end + " bytes of data, and the file has " + dataBytes);
        }
    }

    private void expect(JsonToken found, JsonToken expected, String what) throws ModelFormatException {
        if (found != expected) {
            throw damaged(what + " is not what it should be in a safetensors header (" + expected + ")");
        }
    }

    private ModelFormatException damaged(String problem) {
        return new ModelFormatException(path, problem + REMEDY);
    }

    private static String oneLine(String message) {
        String quoted = Text.quote(message);
        return quoted.substring(1, quoted.length() - 1);
    }
}
