package bita.model.template;

/** What one rendering may still use; every method throws once a limit is exceeded. */
final class Budget {
    /** Nested evaluations, as Python's own recursion limit. */
    static final int MAX_DEPTH = 1000;

    static final long MAX_OPERATIONS = 10_000_000;
    static final long MAX_TEXT = 16L << 20;

    /** Characters of all texts made, whether still in use or not: bounds the memory of texts held at once. */
    static final long MAX_TOTAL_TEXT = 128L << 20;

    /** An element of a list weighs as much memory as several operations take time. */
    private static final int OPERATIONS_PER_ELEMENT = 4;

    private static final int CHARACTERS_PER_OPERATION = 256;

    private int depth;
    private long operations;
    private long totalText;

    void enter() throws TemplateException {
        work(1);
        if (depth >= MAX_DEPTH) {
            throw new TemplateException("The template nests more than " + MAX_DEPTH + " evaluations");
        }
        depth++;
    }

    void exit() {
        depth--;
    }

    void work(long count) throws TemplateException {
        operations += count;
        if (operations > MAX_OPERATIONS) {
            throw new TemplateException("The template needs more than " + MAX_OPERATIONS + " operations");
        }
    }

    /** Room for elements of a list or entries of a dict about to be made. */
    void elements(long count) throws TemplateException {
        work(Math.min(count, MAX_OPERATIONS) * OPERATIONS_PER_ELEMENT);
    }

    /** Reading that many characters. */
    void scan(long characters) throws TemplateException {
        work(1 + characters / CHARACTERS_PER_OPERATION);
    }

    /** Searching a text for another, which may compare each character of one with each of the other. */
    void search(String text, String sought) throws TemplateException {
        scan(sought.length() > text.length() ? 0 : (long) text.length() * Math.max(1, sought.length()));
    }

    /** Room for a text about to be made. */
    void text(long characters) throws TemplateException {
        if (characters > MAX_TEXT) {
            throw new TemplateException("The template makes a text of more than " + MAX_TEXT + " characters");
        }
        totalText += characters;
        if (totalText > MAX_TOTAL_TEXT) {
            throw new TemplateException(
                    "The template makes texts of more than " + MAX_TOTAL_TEXT + " characters altogether");
        }
    }
}
