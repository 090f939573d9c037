package bita.tune.data;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Sifts the questions that a model asks itself when it is given the opening of a user's turn (Magpie, Xu 2024, arXiv
 * 2406.08464; see {@link TurnMarkers}): a small model repeats itself, loops, and runs past the end of its turn.
 *
 * <p>What becomes of a question depends on its text, on the settings and on the questions kept before it, on nothing
 * else. For one thread at a time.
 */
public final class SelfAsked {
    /** Words per run in which two questions are compared. */
    public static final int RUN = 5;

    /** Characters per run in which a question is compared with itself. */
    public static final int LOOP = 10;

    /** A question of fewer runs says too little about loops or likeness. */
    private static final int FEWEST_RUNS = 4;

    /** Scripts that write no blanks between words: each character counts as a word. */
    private static final String UNSPACED = "\\p{IsHan}\\p{IsHiragana}\\p{IsKatakana}\\p{IsThai}";

    private static final Pattern WORD =
            Pattern.compile("[" + UNSPACED + "]|[\\p{L}\\p{M}\\p{N}&&[^" + UNSPACED + "]]+");
    private static final Pattern BLANKS = Pattern.compile("\\s+");
    /** Tags such as those of the chat templates of ChatML, Llama 3, Phi, DeepSeek, Gemma and Llama 2. */
    private static final Pattern TAG = Pattern.compile(
            "<[|｜][^<>\\n]{1,60}[|｜]?>|<[^<>\\n]{1,60}[|｜]>|</?(?:start|end)_of_turn>|\\[/?INST]|<</?SYS>>");
    /** A line that only names who speaks: the tags around it are no text and have been dropped. */
    private static final Pattern SPEAKER = Pattern.compile("(?m)^(?:system|user|assistant)\\s*$");

    private final SelfAskedSettings settings;
    private final List<String> markers;
    private final Set<Fingerprint> texts = new HashSet<>();
    private final Set<Fingerprint> beginnings = new HashSet<>();
    private final Set<Long> runs = new HashSet<>();
    private final Map<Verdict, Long> counts = new EnumMap<>(Verdict.class);

    /** What becomes of a question; the first one that applies, in this order. */
    public enum Verdict {
        /** Nothing but blanks. */
        EMPTY,
        /** A special token or a marker of the chat template stands in the text: the turn did not end where it should. */
        MARKER,
        /** Fewer characters than asked for. */
        TOO_SHORT,
        /** More characters than asked for. */
        TOO_LONG,
        /** No letter at all, or half a character. */
        NO_TEXT,
        /** The limit of tokens was reached, and the text does not end with a sentence. */
        CUT_OFF,
        /** The text repeats itself. */
        LOOP,
        /** Kept already; case, blanks and the marks at the end do not count. */
        REPEATED,
        /** Begins as an earlier one, or says mostly what earlier ones say. */
        SIMILAR,
        /** A new question. */
        KEPT
    }

    /**
     * A filter that knows no questions yet.
     *
     * @param markers texts that no question may hold: the model's special tokens, as text
     */
    public SelfAsked(SelfAskedSettings settings, Collection<String> markers) {
        this.settings = settings;
        this.markers = markers.stream().filter(m -> !m.isBlank()).distinct().toList();
    }

    /**
     * Judges a question, counts the verdict, and knows the question from now on if it is kept.
     *
     * @param text     what the model wrote before the end of the user's turn
     * @param finished whether the model ended the turn, rather than having reached the limit of tokens
     */
    public Verdict judge(String text, boolean finished) {
        Verdict verdict = defect(text, finished);
        if (verdict == Verdict.KEPT) {
            verdict = learn(text.strip());
        }
        counts.merge(verdict, 1L, Long::sum);
        return verdict;
    }

    /** Knows a question that an earlier run has kept, without judging or counting it. */
    public void know(String text) {
        learn(text.strip());
    }

    /** How often a verdict was given so far. */
    public long count(Verdict verdict) {
        return counts.getOrDefault(verdict, 0L);
    }

    /** What is wrong with a text alone. */
    private Verdict defect(String untrimmed, boolean finished) {
        String text = untrimmed.strip();
        int length = text.codePointCount(0, text.length());
        if (text.isEmpty()) {
            return Verdict.EMPTY;
        } else if (markers.stream().anyMatch(text::contains)
                || TAG.matcher(text).find()
                || SPEAKER.matcher(text).find()) {
            return Verdict.MARKER;
        } else if (length < settings.leastCharacters()) {
            return Verdict.TOO_SHORT;
        } else if (length > settings.mostCharacters()) {
            return Verdict.TOO_LONG;
        } else if (text.codePoints().noneMatch(Character::isLetter)
                || text.indexOf('\uFFFD') >= 0
                || !Unicode.isValid(text)) {
            return Verdict.NO_TEXT;
        } else if (!finished && !endsSentence(text)) {
            return Verdict.CUT_OFF;
        } else if (repeated(text) > settings.mostRepeated()) {
            return Verdict.LOOP;
        }
        return Verdict.KEPT;
    }

    private static boolean endsSentence(String text) {
        int end = text.length();
        while (end > 0 && "\"'”’)]}*_`»".indexOf(text.charAt(end - 1)) >= 0) {
            end--;
        }
        return end > 0 && ".?!…。？！؟।".indexOf(text.charAt(end - 1)) >= 0;
    }

    /** The share of runs of characters that the text has had before. */
    private static double repeated(String text) {
        String spaced = BLANKS.matcher(text).replaceAll(" ");
        int all = spaced.length() - LOOP + 1;
        if (all < FEWEST_RUNS * LOOP) {
            return 0;
        }
        Set<String> distinct = new HashSet<>();
        for (int i = 0; i < all; i++) {
            distinct.add(spaced.substring(i, i + LOOP));
        }
        return 1 - distinct.size() / (double) all;
    }

    /** Compares with all questions known and adds this one if it is new. */
    private Verdict learn(String text) {
        String normal = Normalizer.normalize(text, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
        List<String> words = words(normal);
        String same = BLANKS.matcher(normal.replaceAll("[\\p{P}\\s]+$", "")).replaceAll(" ");
        Fingerprint whole = Fingerprint.of(same);
        if (texts.contains(whole)) {
            return Verdict.REPEATED;
        }
        boolean longEnough = words.size() >= settings.firstWords();
        Fingerprint beginning =
                Fingerprint.of(String.join(" ", words.subList(0, Math.min(words.size(), settings.firstWords()))));
        Set<Long> own = runs(words);
        long known = own.stream().filter(runs::contains).count();
        if ((longEnough && beginnings.contains(beginning))
                || (own.size() >= FEWEST_RUNS && known > settings.mostKnown() * own.size())) {
            return Verdict.SIMILAR;
        }
        texts.add(whole);
        if (longEnough) {
            beginnings.add(beginning);
        }
        runs.addAll(own);
        return Verdict.KEPT;
    }

    private static List<String> words(String text) {
        List<String> words = new ArrayList<>();
        for (Matcher word = WORD.matcher(text); word.find(); ) {
            words.add(word.group());
        }
        return words;
    }

    private static Set<Long> runs(List<String> words) {
        Set<Long> runs = new HashSet<>();
        for (int i = 0; i + RUN <= words.size(); i++) {
            runs.add(Fingerprint.of(String.join(" ", words.subList(i, i + RUN))).high());
        }
        return runs;
    }
}
