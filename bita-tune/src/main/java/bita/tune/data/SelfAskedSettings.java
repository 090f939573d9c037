package bita.tune.data;

/**
 * Which of the questions that a model asks itself are kept.
 *
 * @param leastCharacters shortest question, in code points; at least 1
 * @param mostCharacters  longest question, in code points
 * @param firstWords      questions that begin with the same words, so many, are the same question; at least 1
 * @param mostKnown       largest share of a question's runs of {@value SelfAsked#RUN} words that earlier questions may
 *     have, 0 to 1; 1 allows all
 * @param mostRepeated    largest share of a question's runs of {@value SelfAsked#LOOP} characters that may repeat an
 *     earlier one of the same question, 0 to 1; 1 allows all
 */
public record SelfAskedSettings(
        int leastCharacters, int mostCharacters, int firstWords, double mostKnown, double mostRepeated) {
    /** From 12 to 2000 characters, other first 10 words, at most 60 % known, at most 40 % repeated. */
    public static final SelfAskedSettings DEFAULT = new SelfAskedSettings(12, 2000, 10, 0.6, 0.4);

    public SelfAskedSettings {
        if (leastCharacters < 1 || mostCharacters < leastCharacters) {
            throw new IllegalArgumentException("the lengths of a question must be 1 or more and in order, not "
                    + leastCharacters + " and " + mostCharacters);
        }
        if (firstWords < 1) {
            throw new IllegalArgumentException("questions must differ in at least 1 first word, not " + firstWords);
        }
        // Negated comparisons, so that NaN is refused as well.
        if (!(mostKnown >= 0 && mostKnown <= 1) || !(mostRepeated >= 0 && mostRepeated <= 1)) {
            throw new IllegalArgumentException("shares must be from 0 to 1, not " + mostKnown + " and " + mostRepeated);
        }
    }
}
