package bita.eval;

/** Text in Markdown as it is. */
public final class Markdown {
    private Markdown() {}

    /** Text as code in a line, also of a table. */
    public static String code(String text) {
        String line = text.replaceAll("\\p{Cntrl}", " ").replace("|", "\\|");
        String fence = fence(line, 1);
        return fence.length() == 1 ? fence + line + fence : fence + " " + line + " " + fence;
    }

    /** Lines of code, with a line end. */
    public static String block(String text) {
        String fence = fence(text, 3);
        return fence + "\n" + text + "\n" + fence + "\n";
    }

    /** More backquotes than a text has in a row. */
    private static String fence(String text, int least) {
        String fence = "`".repeat(least);
        while (text.contains(fence)) {
            fence += "`";
        }
        return fence;
    }
}
