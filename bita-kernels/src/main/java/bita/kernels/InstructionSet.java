package bita.kernels;

/** The instruction sets that the native library is compiled for. The order of the constants is that of the C code. */
public enum InstructionSet {
    /** Whatever the compiler assumes of the platform. */
    GENERIC,
    /** 64-bit Arm with the dot product extension. */
    NEON,
    /** x86-64 with AVX2, FMA and F16C. */
    AVX2,
    /** x86-64 with AVX-512 F, BW, DQ, VL and VNNI. */
    AVX512,
    /** {@link #AVX512} with products of codes on the tile registers of AMX-INT8, which Linux must grant. */
    AMX
}
