package bita.model.tokenizer;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import bita.model.file.ModelFormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A tokenizer of Hugging Face's library. Thread-safe. It is called directly, and not through the library's own class, which
 * copies a vocabulary several times and makes objects of all that is known about each token of a text.
 */
final class NativeTokenizer implements AutoCloseable {
    private static final TokenizersLibrary LIBRARY = TokenizersLibrary.LIB;

    private final ReadWriteLock lock = new ReentrantReadWriteLock(); // closing waits for encoding
    private long handle; // guarded by lock; 0 if closed

    private NativeTokenizer(long handle) {
        this.handle = handle;
    }

    /**
     * Makes a tokenizer.
     *
     * @param source the file it is from
     * @param json   a tokenizer.json
     * @throws ModelFormatException if the library refuses it
     * @throws IOException if the library cannot be loaded
     */
    static NativeTokenizer open(Path source, String json) throws IOException {
        // Where there is an NVIDIA GPU, the library is downloaded for it, which a tokenizer has no use for.
        if (System.getProperty("RUST_FLAVOR") == null) {
            System.setProperty("RUST_FLAVOR", "cpu");
        }
        try {
            LibUtils.checkStatus();
        } catch (EngineException | LinkageError e) {
            throw new IOException("the tokenizer's native library cannot be loaded: " + e.getMessage(), e);
        }
        try {
            return new NativeTokenizer(LIBRARY.createTokenizerFromString(json));
        } catch (RuntimeException e) {
            throw new ModelFormatException(
                    source, "the tokenizer cannot be made from the model's vocabulary: " + e.getMessage(), e);
        }
    }

    /** The tokens of a text; nothing is added to them. */
    int[] encode(String text) {
        // Lone surrogates have no UTF-8 form; the encoder's replacement keeps them from reaching native code.
        String valid = new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
        lock.readLock().lock();
        try {
            if (handle == 0) {
                throw new IllegalStateException("the tokenizer is closed");
            }
            long encoding = LIBRARY.encode(handle, valid, false);
            try {
                long[] ids = LIBRARY.getTokenIds(encoding);
                int[] tokens = new int[ids.length];
                for (int i = 0; i < tokens.length; i++) {
                    tokens[i] = (int) ids[i];
                }
                return tokens;
            } finally {
                LIBRARY.deleteEncoding(encoding);
            }
        } finally {
            lock.readLock().unlock();
        }
    }

    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (handle != 0) {
                LIBRARY.deleteTokenizer(handle);
                handle = 0;
            }
        } finally {
            lock.writeLock().unlock();
        }
    }
}
