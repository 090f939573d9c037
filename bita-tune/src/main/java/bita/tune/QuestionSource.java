package bita.tune;

import bita.tune.data.Question;
import java.util.List;

/** Where questions come from. */
public sealed interface QuestionSource {
    /**
     * The model asks itself.
     *
     * @param count questions to keep, at least 1
     */
    record SelfAsked(int count) implements QuestionSource {
        /** Questions unless asked otherwise. */
        public static final int COUNT = 700;

        public SelfAsked {
            if (count < 1) {
                throw new IllegalArgumentException("at least one question must be asked, not " + count);
            }
        }
    }

    /** Somebody else has asked. */
    record Given(List<Question> questions) implements QuestionSource {
        public Given {
            questions = List.copyOf(questions);
        }
    }
}
