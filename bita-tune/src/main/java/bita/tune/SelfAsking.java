package bita.tune;

import bita.tune.data.AnsweredTurn;
import bita.tune.data.Question;
import bita.tune.data.SelfAsked;
import bita.tune.data.SelfAsked.Verdict;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The questions that a model asks itself. Candidates are numbered; the text of each depends on the seed and its number
 * alone. They come in any order, and are judged in that of their numbers, so that the same ones are kept whatever the
 * batch, and by a run that is stopped and resumed. What an earlier run has answered need not be asked again: the id of a
 * question tells its number.
 */
final class SelfAsking {
    /** After so many candidates it shows whether a model can ask questions at all. */
    private static final int ENOUGH_TO_TELL = 200;

    /** One candidate of so many must be kept. */
    private static final int LEAST_SHARE = 20;

    private final SelfAsked filter;
    private final String idPrefix;
    private final int wanted;
    private final SortedMap<Integer, String> answered = new TreeMap<>(); // by number, what an earlier run has kept
    private final SortedSet<String> foreign = new TreeSet<>(); // other questions of the file
    private final Map<Integer, Optional<Said>> arrived = new HashMap<>(); // by number, empty if failed; to be judged
    private int next; // to be asked
    private int underWay; // asked and not yet judged
    private int judged;
    private int kept;

    private record Said(String text, boolean finished) {}

    SelfAsking(SelfAsked filter, long seed, int wanted) {
        this.filter = filter;
        this.idPrefix = "self-" + seed + "-";
        this.wanted = wanted;
    }

    /** Takes in an answer of an earlier run, before anything else happens. */
    void know(AnsweredTurn answer) {
        if (answer.turn() > 1) {
            return;
        }
        String text = answer.messages().getLast().content();
        OptionalInt number = number(answer.id());
        if (number.isPresent()) {
            answered.put(number.getAsInt(), text);
        } else {
            foreign.add(text);
        }
    }

    private OptionalInt number(String id) {
        if (!id.startsWith(idPrefix)) {
            return OptionalInt.empty();
        }
        try {
            int number = Integer.parseInt(id.substring(idPrefix.length()));
            return (idPrefix + number).equals(id) && number >= 0 ? OptionalInt.of(number) : OptionalInt.empty();
        } catch (NumberFormatException e) {
            return OptionalInt.empty();
        }
    }

    /** The number of a candidate to be asked now; empty if enough are under way. */
    OptionalInt next() {
        if (isComplete()) {
            return OptionalInt.empty();
        }
        while (answered.containsKey(next)) {
            next++;
        }
        boolean gap = !answered.isEmpty() && next < answered.lastKey();
        int missing = wanted - kept - answered.tailMap(judged).size();
        // About two of three are kept.
        if (!gap && underWay >= missing + Math.ceilDiv(missing, 2)) {
            return OptionalInt.empty();
        }
        underWay++;
        return OptionalInt.of(next++);
    }

    /** Takes in what became of a candidate. */
    void arrive(int number, String text, boolean finished) {
        arrived.put(number, Optional.of(new Said(text, finished)));
    }

    /** The model could not go on with a candidate. */
    void fail(int number) {
        arrived.put(number, Optional.empty());
    }

    /**
     * Judges those candidates whose turn it is.
     *
     * @return the questions to be answered
     * @throws IOException if hardly any are kept
     */
    List<Question> judge() throws IOException {
        foreign.forEach(filter::know);
        foreign.clear();
        List<Question> questions = new ArrayList<>();
        while (!isComplete() && (answered.containsKey(judged) || arrived.containsKey(judged))) {
            Optional<String> question = judgeNext();
            if (question.isPresent()) {
                questions.add(new Question(idPrefix + judged, Optional.empty(), List.of(question.get())));
                kept++;
            }
            judged++;
        }
        if (judged >= ENOUGH_TO_TELL && kept < judged / LEAST_SHARE) {
            throw new IOException("the model asks itself too few usable questions: of " + judged + " only " + kept
                    + " were kept, others were mostly " + commonest() + "; give it questions from a file");
        }
        return questions;
    }

    private String commonest() {
        return dropped().entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .map(most -> most.getKey().name().toLowerCase(Locale.ROOT).replace('_', ' '))
                .orElse("not to be computed");
    }

    private Optional<String> judgeNext() {
        String before = answered.get(judged);
        if (before != null) {
            filter.know(before);
            return Optional.of(before);
        }
        underWay--;
        Optional<Said> said = arrived.remove(judged);
        if (said == null || said.isEmpty()) {
            return Optional.empty();
        }
        boolean good = filter.judge(said.get().text(), said.get().finished()) == Verdict.KEPT;
        return good ? Optional.of(said.get().text().strip()) : Optional.empty();
    }

    /** Whether there are as many questions as wanted. */
    boolean isComplete() {
        return kept == wanted;
    }

    /** Candidates judged so far. */
    int asked() {
        return judged;
    }

    /** Of these, questions. */
    int kept() {
        return kept;
    }

    /** Candidates by what was wrong with them. */
    Map<Verdict, Long> dropped() {
        Map<Verdict, Long> dropped = new HashMap<>();
        for (Verdict verdict : Verdict.values()) {
            if (verdict != Verdict.KEPT && filter.count(verdict) > 0) {
                dropped.put(verdict, filter.count(verdict));
            }
        }
        return dropped;
    }
}
