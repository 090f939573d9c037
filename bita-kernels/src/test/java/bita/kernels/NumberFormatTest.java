package bita.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class NumberFormatTest {
    /** A line of number-formats.txt, which src/test/python/make_number_formats.py made. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Golden(NumberFormat format, float[] elements, byte[] stored, float[] decoded) {
        @Override
        public String toString() {
            return format + " of " + decoded.length + " elements from " + decoded[0];
        }
    }

    static Stream<Golden> golden() {
        try (InputStream lines = NumberFormatTest.class.getResourceAsStream("number-formats.txt")) {
            assertThat(lines).isNotNull();
            List<Golden> golden = new String(lines.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .map(NumberFormatTest::parse)
                    .toList();
            assertThat(golden).extracting(Golden::format).contains(NumberFormat.values());
            return golden.stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Golden parse(String line) {
        List<String> fields = Arrays.asList(line.split(" ", -1));
        HexFormat hex = HexFormat.of();
        return new Golden(
                NumberFormat.valueOf(fields.get(0)),
                floats(hex.parseHex(fields.get(1))),
                hex.parseHex(fields.get(2)),
                floats(hex.parseHex(fields.get(3))));
    }

    private static float[] floats(byte[] bytes) {
        float[] floats = new float[bytes.length / 4];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
        return floats;
    }

    private static int[] bits(float[] floats) {
        int[] bits = new int[floats.length];
        Arrays.setAll(bits, i -> Float.floatToRawIntBits(floats[i]));
        return bits;
    }

    @ParameterizedTest
    @MethodSource("golden")
    void decodesAsGgufDoes(Golden golden) {
        float[] decoded = new float[golden.decoded().length + 2];
        MemorySegment source = MemorySegment.ofArray(new byte[golden.stored().length + 3]);
        source.asSlice(3).copyFrom(MemorySegment.ofArray(golden.stored()));

        golden.format().decode(source, 3, decoded, 1, golden.decoded().length);

        assertThat(bits(Arrays.copyOfRange(decoded, 1, decoded.length - 1))).isEqualTo(bits(golden.decoded()));
        assertThat(decoded[0]).isZero();
        assertThat(decoded[decoded.length - 1]).isZero();
    }

    @ParameterizedTest
    @MethodSource("golden")
    void encodesAsGgufDoes(Golden golden) {
        if (!golden.format().writable()) {
            assertThat(golden.elements()).isEmpty();
            return;
        }
        float[] source = new float[golden.elements().length + 1];
        System.arraycopy(golden.elements(), 0, source, 1, golden.elements().length);
        byte[] target = new byte[golden.stored().length + 4];

        golden.format().encode(source, 1, golden.elements().length, MemorySegment.ofArray(target), 3);

        assertThat(Arrays.copyOfRange(target, 3, target.length - 1)).isEqualTo(golden.stored());
        assertThat(target[2]).isZero();
        assertThat(target[target.length - 1]).isZero();
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void floatingPointKeepsNan(NumberFormat format) {
        // The third one has its payload only in bits that 16-bit formats drop.
        float[] nans = {Float.NaN, Float.intBitsToFloat(0xffc12345), Float.intBitsToFloat(0x7f800001)};
        MemorySegment stored = MemorySegment.ofArray(new byte[(int) format.bytes(nans.length)]);
        float[] decoded = new float[nans.length];
        format.encode(nans, 0, nans.length, stored, 0);
        format.decode(stored, 0, decoded, 0, nans.length);
        assertThat(decoded).containsOnly(Float.NaN);
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"})
    void quantizedFormatsRefuseWhatTheyCannotHold(NumberFormat format) {
        MemorySegment stored = MemorySegment.ofArray(new byte[format.blockBytes()]);
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 1e30f}) {
            for (int place : new int[] {0, 7, 31}) {
                float[] block = new float[32];
                Arrays.fill(block, 1);
                block[place] = bad;
                assertThatThrownBy(() -> format.encode(block, 0, 32, stored, 0))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("not finite or too large");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"})
    void quantizedBlockOfVanishingNumbersDecodesToZero(NumberFormat format) {
        float[] block = new float[32];
        for (int i = 0; i < 32; i++) {
            block[i] = i * Float.MIN_VALUE;
        }
        MemorySegment stored = MemorySegment.ofArray(new byte[format.blockBytes()]);
        format.encode(block, 0, 32, stored, 0);
        format.decode(stored, 0, block, 0, 32);
        for (float element : block) {
            assertThat(element == 0).isTrue();
        }
    }

    @Test
    void layoutsAreThoseOfGgml() {
        assertThat(NumberFormat.values())
                .extracting(f -> f + " " + f.blockSize() + " " + f.blockBytes() + " " + f.quantized())
                .containsExactly(
                        "F32 1 4 false",
                        "F16 1 2 false",
                        "BF16 1 2 false",
                        "Q8_0 32 34 true",
                        "Q4_0 32 18 true",
                        "Q4_1 32 20 true",
                        "Q5_0 32 22 true",
                        "Q5_1 32 24 true",
                        "Q2_K 256 84 true",
                        "Q3_K 256 110 true",
                        "Q4_K 256 144 true",
                        "Q5_K 256 176 true",
                        "Q6_K 256 210 true",
                        "IQ4_NL 32 18 true",
                        "IQ4_XS 256 136 true");
    }

    @ParameterizedTest
    @EnumSource(names = {"Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"})
    void refusesToEncodeWhatIsReadOnly(NumberFormat format) {
        assertThat(format.writable()).isFalse();
        MemorySegment target = MemorySegment.ofArray(new byte[format.blockBytes()]);
        assertThatThrownBy(() -> format.encode(new float[256], 0, format.blockSize(), target, 0))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining(format + " can be read but not written");
    }

    @Test
    void bytesAreChecked() {
        assertThat(NumberFormat.Q4_1.bytes(64)).isEqualTo(40);
        assertThat(NumberFormat.F32.bytes(0)).isZero();
        assertThat(NumberFormat.Q4_0.bytes(Long.MAX_VALUE - 31)).isEqualTo((Long.MAX_VALUE - 31) / 32 * 18);
        assertThatThrownBy(() -> NumberFormat.Q8_0.bytes(33)).hasMessageContaining("blocks of 32");
        assertThatThrownBy(() -> NumberFormat.F16.bytes(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> NumberFormat.F32.bytes(Long.MAX_VALUE / 2)).hasMessageContaining("more bytes");
    }

    @ParameterizedTest
    @EnumSource
    void rangesAreCheckedBeforeAnythingIsWritten(NumberFormat format) {
        int count = 2 * Math.max(32, format.blockSize());
        MemorySegment stored = MemorySegment.ofArray(new byte[(int) format.bytes(count)]);
        float[] elements = new float[count];
        Arrays.fill(elements, 1);
        assertThatThrownBy(() -> format.decode(stored, 1, elements, 0, count))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> format.decode(stored, 0, elements, 1, count))
                .isInstanceOf(IndexOutOfBoundsException.class);
        if (format.writable()) {
            assertThatThrownBy(() -> format.encode(elements, 0, count, stored, 1))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> format.encode(elements, count / 2 + 1, count / 2, stored, 0))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
        assertThat(elements).containsOnly(1);
        assertThat(stored.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    }
}
