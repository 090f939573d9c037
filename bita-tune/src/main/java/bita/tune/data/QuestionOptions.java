package bita.tune.data;

/**
 * What a file of questions may hold.
 *
 * @param mostBytes   longest record, in bytes of the file: 1 to {@value #MOST_BYTES}
 * @param mostRefused records that may be skipped because they are no questions; at the next one reading fails
 */
public record QuestionOptions(int mostBytes, int mostRefused) {
    /** Longest record that can be asked for. */
    public static final int MOST_BYTES = 1 << 28;

    /** Records up to 1 MiB, and up to 100 that are skipped. */
    public static final QuestionOptions DEFAULT = new QuestionOptions(1 << 20, 100);

    public QuestionOptions {
        if (mostBytes < 1 || mostBytes > MOST_BYTES) {
            throw new IllegalArgumentException(
                    "the longest record must be from 1 to " + MOST_BYTES + " bytes, not " + mostBytes);
        }
        if (mostRefused < 0) {
            throw new IllegalArgumentException(
                    "the records that may be skipped are 0 or more in number, not " + mostRefused);
        }
    }
}
