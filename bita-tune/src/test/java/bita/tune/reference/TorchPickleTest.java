package bita.tune.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.model.file.ModelFormatException;
import bita.tune.reference.TorchPickle.View;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TorchPickleTest {
    private static final Path FILE = Path.of("model.bin");
    private static final Duration SOON = Duration.ofSeconds(10);

    private static PickleBytes start() {
        return PickleBytes.protocol(2);
    }

    private static Map<String, View> read(byte[] pickle) throws ModelFormatException {
        return TorchPickle.read(FILE, pickle);
    }

    private static void refuses(byte[] pickle, String problem) {
        Assertions.assertTimeoutPreemptively(
                SOON,
                () -> assertThatThrownBy(() -> read(pickle))
                        .isInstanceOf(ModelFormatException.class)
                        .hasMessageStartingWith("model.bin: ")
                        .hasMessageContaining(problem));
    }

    @Test
    void readsATensor() throws ModelFormatException {
        Map<String, View> tensors = read(start().op('}')
                .text("w")
                .tensor(3, new long[] {2, 4}, new long[] {1, 24})
                .op('s')
                .stop());

        assertThat(tensors).containsOnlyKeys("w");
        View view = tensors.values().iterator().next();
        assertThat(view.offset()).isEqualTo(3);
        assertThat(view.sizes()).containsExactly(2, 4);
        assertThat(view.strides()).containsExactly(1, 24);
        assertThat(view.storage().type()).isEqualTo(StorageType.FLOAT);
        assertThat(view.storage().elements()).isEqualTo(100);
    }

    @Test
    void leavesOutWhatIsNoTensor() throws ModelFormatException {
        byte[] pickle = start().op('}')
                .op('(')
                .text("none")
                .op('N')
                .text("true")
                .op(0x88)
                .text("float")
                .op('G')
                .int64(0)
                .text("list")
                .op(']')
                .op('(')
                .op('K', 1, 'M', 1, 2)
                .op('e')
                .op('K', 3)
                .op('a')
                .number(7)
                .op('N')
                .text("negative")
                .op(0x8a, 1, 0xff)
                .text("zero")
                .op(0x8b)
                .int32(0)
                .op('u')
                .stop();

        assertThat(read(pickle)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "os, system",
        "posix, system",
        "builtins, eval",
        "__builtin__, exec",
        "torch._utils, _rebuild_tensor",
        "torch._utils, _rebuild_tensor_v3",
        "torch, FloatTensor",
        "torch.storage, _load_from_bytes",
        "collections, OrderedDict.fromkeys",
        "transformers.training_args, TrainingArguments"
    })
    void executesNothing(String module, String name) {
        String problem = "it names the Python object \"" + module + "." + name + "\"";
        refuses(start().global(module, name).text("rm -rf /").op(0x85).op('R').stop(), problem);
        refuses(
                PickleBytes.protocol(4)
                        .text(module)
                        .text(name)
                        .op(0x93)
                        .text("x")
                        .op(0x85)
                        .op('R')
                        .stop(),
                problem);
    }

    @Test
    void callsOnlyWhatMakesTensors() {
        refuses(start().global("torch", "FloatStorage").op(')').op('R').stop(), "calls what cannot be called");
        refuses(start().text("x").op(')').op('R').stop(), "calls what cannot be called");
        refuses(start().global("collections", "OrderedDict").op(']').op('R').stop(), "calls what cannot be called");
        refuses(
                start().global("collections", "OrderedDict")
                        .op(']')
                        .op(0x85)
                        .op('R')
                        .stop(),
                "in a way that torch.save does not");
        refuses(
                start().global("torch._utils", "_rebuild_parameter")
                        .op('N', 'N', 'N', 0x87)
                        .op('R')
                        .stop(),
                "a parameter without a tensor");
        refuses(
                start().global("torch._utils", "_rebuild_tensor_v2")
                        .op(')')
                        .op('R')
                        .stop(),
                "a tensor without a storage");
    }

    @Test
    void setsNoStateButVersions() throws ModelFormatException {
        assertThat(read(start().op('}')
                        .op('}')
                        .text("_metadata")
                        .op('}')
                        .op('s')
                        .op('b')
                        .stop()))
                .isEmpty();
        String problem = "sets the state of an object";
        refuses(start().op('}').op('}').text("hooks").op('N').op('s').op('b').stop(), problem);
        refuses(start().op('}').op('N').op('b').stop(), problem);
        refuses(start().op(']').op('}').op('b').stop(), problem);
    }

    @ParameterizedTest
    @CsvSource({"i", "o", "P", "I", "L", "S", "U", "T", "B", "C", "V", "F", "d", "l", "p", "g", "0", "1", "2"})
    void refusesOpcodesThatItDoesNotNeed(char opcode) {
        refuses(
                start().op('}').op(opcode).raw("x\ny\n").stop(),
                String.format("the opcode 0x%02x at byte 3", (int) opcode));
    }

    @Test
    void refusesTensorsThatTheirStorageDoesNotHold() {
        refusesTensor(0, new long[] {101}, new long[] {1}, "reaches beyond its storage");
        refusesTensor(100, new long[] {1}, new long[] {1}, "reaches beyond its storage");
        refusesTensor(1, new long[] {10, 10}, new long[] {10, 1}, "reaches beyond its storage");
        refusesTensor(-1, new long[] {1}, new long[] {1}, "another value where a size belongs");
        refusesTensor(0, new long[] {-1}, new long[] {1}, "another value where a size belongs");
        refusesTensor(0, new long[] {2}, new long[] {-1}, "another value where a size belongs");
        refusesTensor(0, new long[] {1, 1}, new long[] {1}, "more sizes than strides");
        refusesTensor(0, new long[65], new long[65], "another value where a tensor's sizes belong");
        long large = 1L << 62;
        refusesTensor(0, new long[] {large, 4}, new long[] {0, 0}, "more than 2^63 elements");
        refusesTensor(0, new long[] {large}, new long[] {large}, "more than 2^63 elements");
        refusesTensor(Long.MAX_VALUE, new long[] {2}, new long[] {1}, "more than 2^63 elements");
    }

    private static void refusesTensor(long offset, long[] sizes, long[] strides, String problem) {
        refuses(start().op('}').text("w").tensor(offset, sizes, strides).op('s').stop(), problem);
    }

    @Test
    void refusesDamage() {
        refuses(new byte[0], "does not start with a protocol number");
        refuses(start().op(')').stop(), "it holds no dictionary of tensors");
        refuses(PickleBytes.protocol(1).op('}').stop(), "has the protocol 1");
        refuses(PickleBytes.protocol(6).op('}').stop(), "has the protocol 6");
        refuses(start().stop(), "exactly one value");
        refuses(start().op('}', '}').stop(), "exactly one value");
        refuses(start().op('(').op('}').stop(), "exactly one value");
        refuses(start().op('}').op('.').stop(), "exactly one value");
        refuses(start().op('s').stop(), "takes a value where there is none");
        refuses(start().op('K', 1, '(').op(0x85).stop(), "takes a value where there is none");
        refuses(start().op('t').stop(), "closes a group that was not opened");
        refuses(start().op('}').op('(').text("odd").op('u').stop(), "no dictionary for it");
        refuses(start().op(']').text("k").op('N').op('s').stop(), "no dictionary for it");
        refuses(start().op('}').op('N').op('a').stop(), "appends to what is no list");
        refuses(start().op('}').op(')').op('N').op('s').stop(), "neither text nor a number");
        refuses(start().op('h', 7).stop(), "has not remembered");
        refuses(start().op('j').int32(-1).stop(), "has not remembered");
        refuses(start().op('X').int32(-1).stop(), "a text of 4294967295 bytes where 1 are left");
        refuses(start().op(0x8d).int64(Long.MIN_VALUE).stop(), "a text of 9223372036854775808 bytes");
        refuses(start().op(0x8c, 9).stop(), "a text of 9 bytes where 1 are left");
        refuses(start().op(0x8b).int32(1 << 30).stop(), "an integer of 1073741824 bytes");
        refuses(start().op(0x8b).int32(-1).stop(), "an integer of 4294967295 bytes");
        refuses(start().op(0x95).int64(1L << 40).stop(), "a frame that is longer");
        refuses(start().op('c').raw("torch").stop(), "ends too early");
        refuses(start().op('N').op('Q').stop(), "a storage that is not as torch.save writes them");
        refuses(start().op('}').stop().clone(), 3, "ends too early");
    }

    private static void refuses(byte[] pickle, int length, String problem) {
        refuses(java.util.Arrays.copyOf(pickle, length), problem);
    }

    /** Each tuple holds the one before it twice: 2^100,000 values if anything walked through them. */
    @Test
    void sharingCostsNothing() {
        PickleBytes pickle = start().op(')').op('q', 0);
        for (int i = 0; i < 100_000; i++) {
            pickle.op('h', 0).op(0x86).op('q', 0);
        }
        refuses(pickle.stop(), "it holds no dictionary of tensors");
    }

    @Test
    void cyclesEnd() throws ModelFormatException {
        byte[] self = start().op('}').op('q', 0).text("self").op('h', 0).op('s').stop();
        assertThat(read(self)).isEmpty();
        refuses(
                start().op('}')
                        .op('q', 0)
                        .text("self")
                        .op('h', 0)
                        .op('s')
                        .op('q', 1)
                        .op('h', 1)
                        .op('N')
                        .op('s')
                        .stop(),
                "neither text nor a number");
    }

    /** Deep groups and long rows of values end at the number of values, far below a gigabyte. */
    @Test
    void manyValuesAreRefused() {
        for (char opcode : new char[] {'(', '}', ']', ')', 'N'}) {
            PickleBytes pickle = start();
            for (int i = 0; i <= TorchPickle.MOST_VALUES; i++) {
                pickle.op(opcode);
            }
            refuses(pickle.stop(), "more than 1000000 values");
        }
        PickleBytes remembered = start().op('}');
        for (int i = 0; i <= TorchPickle.MOST_VALUES; i++) {
            remembered.op('r').int32(i);
        }
        refuses(remembered.stop(), "more than 1000000 values");
        PickleBytes nested = start().op(')');
        for (int i = 0; i <= TorchPickle.MOST_VALUES; i++) {
            nested.op(0x85);
        }
        refuses(nested.stop(), "more than 1000000 values");
    }
}
