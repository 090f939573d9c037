package bita.api;

import bita.model.MemoryNeed;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/** A model, or what is to be done with it, needs more memory than the machine has. */
public final class InsufficientMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private InsufficientMemoryException(String message) {
        super(message);
    }

    /**
     * For a need that has been found too large.
     *
     * @param subject      what needs it, as a sentence begins
     * @param bytes        needed for each part, by its name
     * @param machineBytes that the machine has
     * @param remedy       what to do about it, as a sentence ends
     */
    public static InsufficientMemoryException of(
            String subject, SequencedMap<String, Long> bytes, long machineBytes, String remedy) {
        return of(subject, "", bytes, machineBytes, remedy);
    }

    private static InsufficientMemoryException of(
            String subject, String condition, SequencedMap<String, Long> bytes, long machineBytes, String remedy) {
        long total = bytes.values().stream().mapToLong(Long::longValue).sum();
        String parts = bytes.entrySet().stream()
                .map(part -> part.getKey() + " " + gigabytes(part.getValue()))
                .collect(Collectors.joining(", "));
        return new InsufficientMemoryException(subject + " needs " + gigabytes(total) + " of memory" + condition + " ("
                + parts + "), and this machine has " + gigabytes(machineBytes) + ": " + remedy);
    }

    /** Refuses what can never fit, however little else runs. */
    static void check(MemoryNeed need) {
        check(need, 1);
    }

    /**
     * As {@link #check(MemoryNeed)}, of several sequences at a time.
     *
     * @param sequences that the need's caches are for
     */
    static void check(MemoryNeed need, int sequences) {
        long total = MachineMemory.now().totalBytes();
        if (need.totalBytes() <= total) {
            return;
        }
        boolean several = sequences > 1;
        SequencedMap<String, Long> parts = new LinkedHashMap<>();
        parts.put("weights", need.weightBytes());
        parts.put(several ? sequences + " KV caches" : "KV cache", need.cacheBytes());
        parts.put("everything else at most", need.workingBytes());
        String remedy = need.weightBytes() + need.workingBytes() > total
                ? "use a smaller model, or one in a smaller number format"
                : (several ? "make fewer answers at a time (--parallel), " : "") + "use a shorter --context, a smaller"
                        + " model, or one in a smaller number format";
        throw of("the model", " with a context of " + need.context() + " tokens", parts, total, remedy);
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }
}
