package bita.tune.reference;

import bita.model.file.ModelFormatException;
import bita.model.file.Text;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * Reads the pickle by which {@code torch.save} describes a dictionary of tensors, and executes nothing: a stack machine
 * that knows the opcodes of protocols 2 to 5 that such a dictionary needs, and four Python callables as the data they
 * stand for. Everything else is refused.
 *
 * <p>Time and memory are bounded by the pickle's length and by {@link #MOST_VALUES}: no value is ever copied or walked
 * through, so sharing through the memo and cycles cost what their opcodes cost, and nesting has no depth to run out of.
 *
 * @see <a href="https://github.com/python/cpython/blob/main/Lib/pickletools.py">The opcodes</a>
 * @see <a href="https://github.com/pytorch/pytorch/blob/main/torch/_utils.py">The rebuild functions</a>
 */
final class TorchPickle {
    /** Values that a pickle may make; the largest published models have some thousand tensors of some 20 values. */
    static final int MOST_VALUES = 1_000_000;

    private static final int MOST_DIMENSIONS = 64;
    private static final int LOWEST_PROTOCOL = 2;
    private static final int HIGHEST_PROTOCOL = 5;
    private static final int LONGEST_INTEGER = Long.BYTES;

    /** A tensor as a view of a storage, in elements. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record View(Storage storage, long offset, long[] sizes, long[] strides) {}

    /**
     * Where numbers lie.
     *
     * @param key      name of the record that holds them
     * @param elements number of elements
     */
    record Storage(StorageType type, String key, long elements) {}

    private record Tuple(List<Object> items) {}

    /** A dictionary; what is not under a name is never asked for. */
    private static final class Dictionary {
        final SequencedMap<String, Object> items = new LinkedHashMap<>();
    }

    /** A class or function that a pickle may name. */
    private sealed interface Global {}

    private record StorageClass(StorageType type) implements Global {}

    private enum Callable implements Global {
        ORDERED_DICT("collections.OrderedDict"),
        REBUILD_TENSOR("torch._utils._rebuild_tensor_v2"),
        REBUILD_PARAMETER("torch._utils._rebuild_parameter");

        private final String path;

        Callable(String path) {
            this.path = path;
        }
    }

    /** Values whose content nothing needs. */
    private enum Opaque {
        NONE,
        BOOLEAN,
        FLOAT,
        LIST
    }

    private final Path file;
    private final ByteBuffer pickle;
    private final List<Object> stack = new ArrayList<>();
    private final ArrayDeque<Integer> marks = new ArrayDeque<>();
    private final Map<Integer, Object> memo = new HashMap<>();
    private int values;

    private TorchPickle(Path file, byte[] pickle) {
        this.file = file;
        this.pickle = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * The tensors of a pickled dictionary by name, in its order; values that are no tensors are left out.
     *
     * @param file for messages
     * @throws ModelFormatException if the pickle is damaged, holds something else, or asks for anything that describing
     *     tensors does not need
     */
    static SequencedMap<String, View> read(Path file, byte[] pickle) throws ModelFormatException {
        try {
            return new TorchPickle(file, pickle).read();
        } catch (BufferUnderflowException e) {
            throw new ModelFormatException(file, "its pickle ends too early; the file is damaged, copy it again", e);
        }
    }

    private SequencedMap<String, View> read() throws ModelFormatException {
        if (pickle.remaining() < 2 || pickle.get() != (byte) 0x80) {
            throw damaged("does not start with a protocol number");
        }
        int protocol = unsignedByte();
        if (protocol < LOWEST_PROTOCOL || protocol > HIGHEST_PROTOCOL) {
            throw new ModelFormatException(
                    file,
                    "its pickle has the protocol " + protocol + ", and " + LOWEST_PROTOCOL + " to " + HIGHEST_PROTOCOL
                            + " are read: save the checkpoint again with torch.save as it is by default");
        }
        int opcode = unsignedByte();
        while (opcode != '.') {
            execute(opcode);
            opcode = unsignedByte();
        }
        if (stack.size() != 1 || !marks.isEmpty() || pickle.hasRemaining()) {
            throw damaged("does not end with exactly one value");
        }
        if (!(pop() instanceof Dictionary dictionary)) {
            throw new ModelFormatException(
                    file, "it holds no dictionary of tensors: save one with torch.save(model.state_dict(), FILE)");
        }
        SequencedMap<String, View> tensors = new LinkedHashMap<>();
        dictionary.items.forEach((name, value) -> {
            if (value instanceof View tensor) {
                tensors.put(name, tensor);
            }
        });
        return tensors;
    }

    private void execute(int opcode) throws ModelFormatException {
        switch (opcode) {
            case 0x95 -> frame();
            case '(' -> {
                countValue();
                marks.push(stack.size());
            }
            case '}' -> push(new Dictionary());
            case ']' -> push(Opaque.LIST);
            case ')' -> push(new Tuple(List.of()));
            case 't' -> push(new Tuple(popToMark()));
            case 0x85 -> pushTuple(1);
            case 0x86 -> pushTuple(2);
            case 0x87 -> pushTuple(3);
            case 'a' -> {
                pop();
                expectList();
            }
            case 'e' -> {
                popToMark();
                expectList();
            }
            case 's' -> {
                Object value = pop();
                setItems(List.of(pop(), value));
            }
            case 'u' -> setItems(popToMark());
            case 'N' -> push(Opaque.NONE);
            case 0x88, 0x89 -> push(Opaque.BOOLEAN);
            case 'J' -> push((long) pickle.getInt());
            case 'K' -> push((long) unsignedByte());
            case 'M' -> push((long) Short.toUnsignedInt(pickle.getShort()));
            case 0x8a -> push(integer(unsignedByte()));
            case 0x8b -> push(integer(pickle.getInt()));
            case 'G' -> {
                pickle.getDouble();
                push(Opaque.FLOAT);
            }
            case 'X' -> push(text(Integer.toUnsignedLong(pickle.getInt())));
            case 0x8c -> push(text(unsignedByte()));
            case 0x8d -> push(text(pickle.getLong()));
            case 'c' -> push(global(line(), line()));
            case 0x93 -> {
                Object name = pop();
                push(global(asText(pop()), asText(name)));
            }
            case 'R' -> {
                Object arguments = pop();
                push(reduce(pop(), arguments));
            }
            case 'b' -> build();
            case 'q' -> memoize(unsignedByte());
            case 'r' -> memoize(pickle.getInt());
            case 0x94 -> memoize(memo.size());
            case 'h' -> push(remembered(unsignedByte()));
            case 'j' -> push(remembered(pickle.getInt()));
            case 'Q' -> push(storage(pop()));
            default ->
                throw new ModelFormatException(
                        file,
                        String.format("its pickle has the opcode 0x%02x at byte %d", opcode, pickle.position() - 1)
                                + ", which a dictionary of tensors does not need; it is damaged, or holds other objects:"
                                + " save only the tensors with torch.save(model.state_dict(), FILE)");
        }
    }

    private void frame() throws ModelFormatException {
        long length = pickle.getLong();
        if (length < 0 || length > pickle.remaining()) {
            throw damaged("has a frame that is longer than the rest of it");
        }
    }

    private void push(Object value) throws ModelFormatException {
        countValue();
        stack.add(value);
    }

    private void countValue() throws ModelFormatException {
        if (++values > MOST_VALUES) {
            throw new ModelFormatException(
                    file,
                    "its pickle makes more than " + MOST_VALUES + " values, which no checkpoint needs: save only the"
                            + " tensors with torch.save(model.state_dict(), FILE)");
        }
    }

    private Object pop() throws ModelFormatException {
        if (stack.isEmpty() || (!marks.isEmpty() && marks.element() == stack.size())) {
            throw damaged("takes a value where there is none");
        }
        return stack.removeLast();
    }

    private Object top() throws ModelFormatException {
        Object value = pop();
        stack.add(value);
        return value;
    }

    private List<Object> popToMark() throws ModelFormatException {
        if (marks.isEmpty()) {
            throw damaged("closes a group that was not opened");
        }
        List<Object> group = stack.subList(marks.pop(), stack.size());
        List<Object> items = List.copyOf(group);
        group.clear();
        return items;
    }

    private void pushTuple(int size) throws ModelFormatException {
        Object[] items = new Object[size];
        for (int i = size - 1; i >= 0; i--) {
            items[i] = pop();
        }
        push(new Tuple(List.of(items)));
    }

    private void expectList() throws ModelFormatException {
        if (top() != Opaque.LIST) {
            throw damaged("appends to what is no list");
        }
    }

    private void setItems(List<Object> items) throws ModelFormatException {
        if (!(top() instanceof Dictionary dictionary) || items.size() % 2 != 0) {
            throw damaged("puts an item where there is no dictionary for it");
        }
        for (int i = 0; i < items.size(); i += 2) {
            switch (items.get(i)) {
                case String key -> dictionary.items.put(key, items.get(i + 1));
                case Long _ -> {
                    // Under numbers there are hyperparameters or an optimizer's state.
                }
                default -> throw damaged("has a dictionary key that is neither text nor a number");
            }
        }
    }

    private long integer(int bytes) throws ModelFormatException {
        if (bytes < 0 || bytes > LONGEST_INTEGER) {
            throw damaged("has an integer of " + Integer.toUnsignedString(bytes) + " bytes");
        }
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (long) unsignedByte() << (8 * i);
        }
        int unused = Long.SIZE - 8 * bytes;
        return bytes == 0 ? 0 : value << unused >> unused;
    }

    private String text(long length) throws ModelFormatException {
        if (length < 0 || length > pickle.remaining()) {
            throw damaged("has a text of " + Long.toUnsignedString(length) + " bytes where " + pickle.remaining()
                    + " are left");
        }
        String text = new String(pickle.array(), pickle.position(), (int) length, StandardCharsets.UTF_8);
        pickle.position(pickle.position() + (int) length);
        return text;
    }

    private String line() throws ModelFormatException {
        int end = pickle.position();
        while (end < pickle.limit() && pickle.get(end) != '\n') {
            end++;
        }
        String line = text(end - pickle.position());
        pickle.get();
        return line;
    }

    private String asText(Object value) throws ModelFormatException {
        if (value instanceof String text) {
            return text;
        }
        throw damaged("has another value where a text belongs");
    }

    private long asNumber(Object value) throws ModelFormatException {
        if (value instanceof Long number && number >= 0) {
            return number;
        }
        throw damaged("has another value where a size belongs");
    }

    private long[] asNumbers(Object value) throws ModelFormatException {
        if (!(value instanceof Tuple(List<Object> items)) || items.size() > MOST_DIMENSIONS) {
            throw damaged("has another value where a tensor's sizes belong");
        }
        long[] numbers = new long[items.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = asNumber(items.get(i));
        }
        return numbers;
    }

    private Global global(String module, String name) throws ModelFormatException {
        Optional<StorageType> storage = module.equals("torch") ? StorageType.of(name) : Optional.empty();
        if (storage.isPresent()) {
            return new StorageClass(storage.get());
        }
        String path = module + "." + name;
        for (Callable callable : Callable.values()) {
            if (callable.path.equals(path)) {
                return callable;
            }
        }
        throw new ModelFormatException(
                file,
                "it names the Python object " + Text.quote(path) + ", which tensors do not need and which was not"
                        + " executed: save only the tensors with torch.save(model.state_dict(), FILE)");
    }

    private Object reduce(Object callable, Object arguments) throws ModelFormatException {
        if (!(arguments instanceof Tuple(List<Object> items)) || !(callable instanceof Callable known)) {
            throw damaged("calls what cannot be called");
        }
        return switch (known) {
            case ORDERED_DICT -> {
                if (!items.isEmpty()) {
                    throw damaged("fills a dictionary in a way that torch.save does not");
                }
                yield new Dictionary();
            }
            case REBUILD_TENSOR -> tensor(items);
            case REBUILD_PARAMETER -> {
                if (items.size() != 3 || !(items.getFirst() instanceof View tensor)) {
                    throw damaged("has a parameter without a tensor");
                }
                yield tensor;
            }
        };
    }

    /** Arguments: storage, offset, sizes, strides, whether a gradient is required, hooks, and in newer files metadata. */
    private View tensor(List<Object> items) throws ModelFormatException {
        if (items.size() < 6 || items.size() > 7 || !(items.getFirst() instanceof Storage storage)) {
            throw damaged("has a tensor without a storage");
        }
        long offset = asNumber(items.get(1));
        long[] sizes = asNumbers(items.get(2));
        long[] strides = asNumbers(items.get(3));
        if (sizes.length != strides.length) {
            throw damaged("has a tensor with more sizes than strides, or fewer");
        }
        long elements = 1;
        long last = offset;
        try {
            for (int i = 0; i < sizes.length; i++) {
                elements = Math.multiplyExact(elements, sizes[i]);
                last = Math.addExact(last, Math.multiplyExact(Math.max(0, sizes[i] - 1), strides[i]));
            }
        } catch (ArithmeticException e) {
            throw new ModelFormatException(file, "its pickle has a tensor of more than 2^63 elements", e);
        }
        if (elements > 0 && last >= storage.elements()) {
            throw damaged("has a tensor that reaches beyond its storage of " + storage.elements() + " elements");
        }
        return new View(storage, offset, sizes, strides);
    }

    /** Argument: a tuple of "storage", class, key of the record, device, and number of elements. */
    private Storage storage(Object id) throws ModelFormatException {
        if (id instanceof Tuple(List<Object> items)
                && items.size() == 5
                && items.get(0).equals("storage")
                && items.get(1) instanceof StorageClass(StorageType type)
                && items.get(2) instanceof String key) {
            return new Storage(type, key, asNumber(items.get(4)));
        }
        throw damaged("has a storage that is not as torch.save writes them");
    }

    /** PyTorch hangs version numbers on the dictionary; nothing else may be hung on anything. */
    private void build() throws ModelFormatException {
        boolean versions = pop() instanceof Dictionary state
                && state.items.keySet().stream().allMatch("_metadata"::equals)
                && top() instanceof Dictionary;
        if (!versions) {
            throw new ModelFormatException(
                    file,
                    "its pickle sets the state of an object, which tensors do not need and which was not executed: save"
                            + " only the tensors with torch.save(model.state_dict(), FILE)");
        }
    }

    private void memoize(int index) throws ModelFormatException {
        countValue();
        memo.put(index, top());
    }

    private Object remembered(int index) throws ModelFormatException {
        Object value = memo.get(index);
        if (value == null) {
            throw damaged("asks for a value that it has not remembered");
        }
        return value;
    }

    private int unsignedByte() {
        return Byte.toUnsignedInt(pickle.get());
    }

    private ModelFormatException damaged(String problem) {
        return new ModelFormatException(file, "its pickle " + problem + "; the file is damaged, copy it again");
    }
}
