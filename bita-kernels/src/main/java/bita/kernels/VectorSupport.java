package bita.kernels;

/** Keeps classes of the incubating Vector API from being loaded where its module is absent. */
final class VectorSupport {
    static final String REMEDY = "the Vector API is not enabled: start Java with --add-modules jdk.incubator.vector";

    private VectorSupport() {}

    static boolean available() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    }

    static Kernels kernels() {
        return new VectorKernels();
    }
}
