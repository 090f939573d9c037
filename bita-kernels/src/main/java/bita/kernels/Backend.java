package bita.kernels;

/** Who executes the kernels. All give the same bits; they differ in speed and in what they need. */
public enum Backend {
    /** C through the foreign function API. */
    NATIVE,
    /** The incubating Vector API, for platforms without a native library. */
    VECTOR,
    /** Plain loops: the definition of every other backend's result. */
    SCALAR
}
