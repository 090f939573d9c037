package bita.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;

class MeasuredChoiceTest {
    private static MeasuredChoice between(ToLongFunction<InstructionSet> product) {
        return MeasuredChoice.between(InstructionSet.AVX512, InstructionSet.AMX, product);
    }

    @Test
    void theFasterOneIsTaken() {
        MeasuredChoice amx = between(isa -> isa == InstructionSet.AMX ? 20_000 : 30_000);
        assertThat(amx).isEqualTo(new MeasuredChoice(InstructionSet.AMX, InstructionSet.AVX512, 1.5));
        assertThat(amx.remark())
                .isEqualTo("AMX is in use: a product of 16 rows takes 1.50 times as long with AVX512 here"
                        + " (--isa avx512 forces it)");
        MeasuredChoice avx512 = between(isa -> isa == InstructionSet.AMX ? 30_000 : 24_000);
        assertThat(avx512).isEqualTo(new MeasuredChoice(InstructionSet.AVX512, InstructionSet.AMX, 1.25));
        assertThat(avx512.remark()).startsWith("AVX512 is in use: ").contains("1.25", "--isa amx ");
    }

    @Test
    void theUsualOneIsTakenIfTheOtherIsNoFaster() {
        assertThat(between(isa -> 25_000).faster()).isEqualTo(InstructionSet.AVX512);
        assertThat(between(isa -> 0).faster()).as("a clock that stands still").isEqualTo(InstructionSet.AVX512);
    }

    @Test
    void disturbancesAndTheFirstProductsDoNotCount() {
        List<InstructionSet> measured = new ArrayList<>();
        MeasuredChoice choice = between(isa -> {
            measured.add(isa);
            boolean amx = isa == InstructionSet.AMX;
            if (measured.size() <= 2) {
                return amx ? 9_000_000 : 1; // the system allots the tile registers; a clock's hiccup
            }
            return (amx ? 20_000L : 30_000L) + (measured.size() % 3 == 0 ? 500_000L : 0L);
        });
        assertThat(choice).isEqualTo(new MeasuredChoice(InstructionSet.AMX, InstructionSet.AVX512, 1.5));
        assertThat(measured).hasSizeBetween(8, 50);
        for (int i = 0; i < measured.size(); i++) {
            assertThat(measured.get(i)).isEqualTo(i % 2 == 0 ? InstructionSet.AVX512 : InstructionSet.AMX);
        }
    }

    @Test
    void realKernelsAreMeasured() {
        assumeThat(KernelsProvider.instructionSets())
                .as("there are two instruction sets to measure only where a C compiler has built the native kernels")
                .hasSizeGreaterThan(1);
        InstructionSet best = KernelsProvider.instructionSets().getLast();
        MeasuredChoice choice =
                MeasuredChoice.between(NativeKernels.of(InstructionSet.GENERIC), NativeKernels.of(best));
        assertThat(choice.faster()).isEqualTo(best);
        assertThat(choice.ratio()).isGreaterThan(1).isFinite();
    }
}
