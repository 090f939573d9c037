package bita.tune.data;

/** Hears of records that are skipped. */
@FunctionalInterface
public interface QuestionListener {
    /** Hears nothing; {@link Questions#refused} still counts. */
    QuestionListener NONE = (line, problem) -> {};

    /**
     * A record is skipped.
     *
     * @param line    of the file where the record begins, from 1
     * @param problem what is wrong and what was expected, one line of text
     */
    void refused(long line, String problem);
}
