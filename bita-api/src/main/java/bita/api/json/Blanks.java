package bita.api.json;

/**
 * White space between the tokens of JSON: a blank, or a line break and up to four blanks or tabs for each object and list that
 * is open. A number says what there has been.
 */
final class Blanks {
    static final int NONE = 0;

    private static final int BLANK = 1;
    private static final int LINE = 2; // and one more for each blank behind it
    private static final int INDENT = 4;

    private Blanks() {}

    /** What there has been with one more byte; negative if it cannot come. */
    static int next(int blanks, int b, int depth) {
        if (blanks == NONE) {
            return b == ' ' ? BLANK : b == '\n' ? LINE : -1;
        }
        boolean more = blanks >= LINE && (b == ' ' || b == '\t') && blanks - LINE < INDENT * depth;
        return more ? blanks + 1 : -1;
    }
}
