package bita.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.invoke.MethodHandle;

/** Handles of the library's functions. */
final class DowncallHandles {
    private DowncallHandles() {}

    /**
     * A function without result. Signature: p pointer, i int32, l int64, f float, after an int32 that all have: the instruction
     * set, or which function it is.
     */
    static MethodHandle kernel(String name, String signature) {
        return handle(name, FunctionDescriptor.ofVoid(parameters(signature)));
    }

    /** A function with a result; see {@link #kernel(String, String)}. */
    static MethodHandle kernel(MemoryLayout result, String name, String signature) {
        return handle(name, FunctionDescriptor.of(result, parameters(signature)));
    }

    private static MemoryLayout[] parameters(String signature) {
        MemoryLayout[] parameters = new MemoryLayout[signature.length() + 1];
        parameters[0] = JAVA_INT;
        for (int i = 0; i < signature.length(); i++) {
            parameters[i + 1] = switch (signature.charAt(i)) {
                case 'p' -> ADDRESS;
                case 'l' -> JAVA_LONG;
                case 'f' -> JAVA_FLOAT;
                default -> JAVA_INT;
            };
        }
        return parameters;
    }

    @SuppressWarnings("restricted") // descriptors agree with the C code
    private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(NativeLibrary.lookup().findOrThrow("bita_" + name), descriptor);
    }

    /** A downcall throws nothing of its own but errors of the virtual machine. */
    static RuntimeException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
    }
}
