package bita.kernels;

/** The number format of keys and values in a KV cache. */
public enum CacheFormat {
    F16(2),
    F32(4);

    private final int bytes;

    CacheFormat(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one number. */
    public int bytes() {
        return bytes;
    }
}
