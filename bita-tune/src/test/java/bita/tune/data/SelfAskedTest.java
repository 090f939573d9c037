package bita.tune.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.api.store.ModelStore;
import bita.api.store.PullListener;
import bita.api.store.PullOptions;
import bita.model.file.GgufFile;
import bita.model.tokenizer.StreamingDecoder;
import bita.model.tokenizer.Tokenizer;
import bita.tune.data.SelfAsked.Verdict;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class SelfAskedTest {
    private static final Path DATA = Path.of("../../shared/data/self-asked-ids.jsonl");
    private static final String SOUND =
            "I'm planning a solo biathlon in the mountains. What's a good plan to train for it?";

    private static SelfAsked filter() {
        return new SelfAsked(SelfAskedSettings.DEFAULT, List.of("<|im_end|>", "<repo_name>", ""));
    }

    private static Verdict judge(String text) {
        return filter().judge(text, true);
    }

    @Test
    void keepsQuestionsOfManyKinds() {
        SelfAsked filter = filter();
        for (String text : List.of(
                SOUND,
                "What is the weather today?",
                "Python: reduce function\nI have 3 lists. How do I `filter` them?\n```python\nfor x in a:\n    print(x)\n```",
                "Sum up:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
                "如何用简单的方法学习一门新的语言？",
                "Why does a < b and c > d | e hold? Is x|>y <|> z an operator?",
                "user: what does the role of an assistant mean?\nassistant in a shop, I mean")) {
            assertThat(filter.judge(text, true)).as(text).isEqualTo(Verdict.KEPT);
        }
        assertThat(filter.count(Verdict.KEPT)).isEqualTo(7);
        assertThat(filter.count(Verdict.LOOP)).isZero();
    }

    @Test
    void dropsWhatIsTooShortOrTooLongOrNoText() {
        assertThat(judge("")).isEqualTo(Verdict.EMPTY);
        assertThat(judge(" \n\t ")).isEqualTo(Verdict.EMPTY);
        assertThat(judge("Hi there!")).isEqualTo(Verdict.TOO_SHORT);
        assertThat(judge("A word of it ".repeat(200))).isEqualTo(Verdict.TOO_LONG);
        assertThat(judge("1 + 2 + 3 = 7 ???")).isEqualTo(Verdict.NO_TEXT);
        assertThat(judge("😀😀😀 😀😀😀 😀😀😀 😀😀😀")).isEqualTo(Verdict.NO_TEXT);
        assertThat(judge("What does this \uFFFD mean here?")).isEqualTo(Verdict.NO_TEXT);
        assertThat(judge("What does this \ud83d mean here?")).isEqualTo(Verdict.NO_TEXT);
    }

    @Test
    void dropsWhatRanPastTheEndOfItsTurn() {
        for (String leak : List.of(
                "<|im_end|>",
                "<repo_name>",
                "<|eot_id|>",
                "<｜Assistant｜>",
                "<start_of_turn>",
                "[/INST]",
                "<|turn>",
                "<turn|>",
                "\nassistant\n",
                "\nuser")) {
            assertThat(judge(SOUND + leak)).as(leak).isEqualTo(Verdict.MARKER);
        }
    }

    @Test
    void dropsWhatTheLimitHasCut() {
        assertThat(filter().judge(SOUND, false)).isEqualTo(Verdict.KEPT);
        assertThat(filter().judge(SOUND.substring(0, 30), false)).isEqualTo(Verdict.CUT_OFF);
        assertThat(filter().judge(SOUND + " Also,", false)).isEqualTo(Verdict.CUT_OFF);
        assertThat(filter().judge(SOUND.substring(0, 30), true)).isEqualTo(Verdict.KEPT);
        assertThat(filter().judge("She asked: \"Why is it always me?\"", false)).isEqualTo(Verdict.KEPT);
    }

    @Test
    void dropsLoops() {
        assertThat(judge("Can you help me? " + "I need to know. ".repeat(20))).isEqualTo(Verdict.LOOP);
        assertThat(judge("What is ha" + "ha".repeat(50))).isEqualTo(Verdict.LOOP);
        assertThat(judge("Why" + "!".repeat(60))).isEqualTo(Verdict.LOOP);
        assertThat(judge("学习学习".repeat(20))).isEqualTo(Verdict.LOOP);
        assertThat(judge(SOUND + " " + SOUND + " " + SOUND)).isEqualTo(Verdict.LOOP);
        assertThat(judge(SOUND + " In the mountains, a solo biathlon is a good plan."))
                .isEqualTo(Verdict.KEPT);
    }

    @Test
    void dropsWhatWasAskedBefore() {
        SelfAsked filter = filter();
        assertThat(filter.judge(SOUND, true)).isEqualTo(Verdict.KEPT);
        assertThat(filter.judge(SOUND, true)).isEqualTo(Verdict.REPEATED);
        assertThat(filter.judge("  " + SOUND.toUpperCase(Locale.ROOT).replace(" ", "\n") + "?!", true))
                .isEqualTo(Verdict.REPEATED);
        // The same ten words first, then something else.
        assertThat(filter.judge(
                        "I'm planning a solo biathlon in the mountains. What shoes, gloves and skis should I buy?",
                        true))
                .isEqualTo(Verdict.SIMILAR);
        // Another beginning, then mostly the same.
        assertThat(filter.judge(
                        "Hello! I'm planning a solo biathlon in the mountains. What's a good plan to train for it?",
                        true))
                .isEqualTo(Verdict.SIMILAR);
        assertThat(filter.judge("I'm planning a solo trip. What do I need?", true))
                .isEqualTo(Verdict.KEPT);
        assertThat(filter.judge("How are 3 and 4 the same?", true)).isEqualTo(Verdict.KEPT);
        assertThat(filter.judge("How are 3 and 5 the same?", true)).isEqualTo(Verdict.KEPT);
        assertThat(filter.count(Verdict.KEPT)).isEqualTo(4);
        assertThat(filter.count(Verdict.REPEATED)).isEqualTo(2);
        assertThat(filter.count(Verdict.SIMILAR)).isEqualTo(2);
    }

    /** A dropped question is not known: what it says may be asked again in a better way. */
    @Test
    void knowsOnlyWhatItKept() {
        SelfAsked filter = filter();
        assertThat(filter.judge(SOUND + "<|im_end|>", true)).isEqualTo(Verdict.MARKER);
        assertThat(filter.judge(SOUND, true)).isEqualTo(Verdict.KEPT);

        SelfAsked resumed = filter();
        resumed.know(SOUND);
        assertThat(resumed.judge(SOUND, true)).isEqualTo(Verdict.REPEATED);
        assertThat(resumed.count(Verdict.KEPT)).isZero();
    }

    @Test
    void refusesSettingsThatMeanNothing() {
        for (Runnable settings : List.<Runnable>of(
                () -> new SelfAskedSettings(0, 9, 1, 0.5, 0.5),
                () -> new SelfAskedSettings(9, 8, 1, 0.5, 0.5),
                () -> new SelfAskedSettings(1, 9, 0, 0.5, 0.5),
                () -> new SelfAskedSettings(1, 9, 1, Double.NaN, 0.5),
                () -> new SelfAskedSettings(1, 9, 1, 0.5, 1.5))) {
            assertThatThrownBy(settings::run).isInstanceOf(IllegalArgumentException.class);
        }
    }

    /** What the default model asked itself: sifted by hand before, so nearly all of it must stay; damaged, it must not. */
    @Test
    void siftsWhatTheDefaultModelAsked() throws IOException {
        Assumptions.assumeTrue(Files.exists(DATA), "The questions are not beside this checkout");
        List<String> questions = new ArrayList<>();
        Path model = ModelStore.ofUser().resolve("smollm2-135m", PullOptions.DEFAULT, PullListener.NONE);
        List<String> specials;
        try (GgufFile file = GgufFile.open(model);
                Tokenizer tokenizer = Tokenizer.of(file)) {
            specials = IntStream.range(0, tokenizer.size())
                    .filter(tokenizer::isSpecial)
                    .mapToObj(tokenizer::text)
                    .toList();
            for (String line : Files.readAllLines(DATA)) {
                questions.add(
                        question(tokenizer, JsonMapper.shared().readTree(line).path("p")));
            }
        }
        SelfAsked filter = new SelfAsked(SelfAskedSettings.DEFAULT, specials);
        questions.forEach(q -> filter.judge(q, true));
        assertThat(filter.count(Verdict.KEPT)).isGreaterThanOrEqualTo(700);

        SelfAsked again = new SelfAsked(SelfAskedSettings.DEFAULT, specials);
        questions.forEach(again::know);
        questions.forEach(q -> again.judge("So: " + q, true));
        assertThat(again.count(Verdict.SIMILAR)).isGreaterThan(500);

        SelfAsked cut = new SelfAsked(SelfAskedSettings.DEFAULT, specials);
        questions.forEach(q -> cut.judge(q.substring(0, 2 * q.length() / 3), false));
        assertThat(cut.count(Verdict.CUT_OFF) + cut.count(Verdict.TOO_SHORT)).isGreaterThan(600);
    }

    private static String question(Tokenizer tokenizer, JsonNode prompt) {
        StreamingDecoder decoder = new StreamingDecoder(tokenizer);
        StringBuilder text = new StringBuilder();
        for (JsonNode id : prompt) {
            text.append(tokenizer.isSpecial(id.asInt()) ? "\u0000" : decoder.append(id.asInt()));
        }
        List<String> turns = List.of(text.toString().split("\u0000", -1));
        assertThat(turns.get(3)).startsWith("user\n");
        return turns.get(3).substring("user\n".length());
    }

    @Test
    void judgesAnyText() {
        Random random = new Random(20240122);
        byte[] sound = (SOUND + " <|im_end|>学习\n[INST] ").getBytes(StandardCharsets.UTF_8);
        SelfAsked filter = filter();
        for (int i = 0; i < 10_000; i++) {
            filter.judge(new String(Fuzz.damage(sound, random), StandardCharsets.UTF_8), random.nextBoolean());
        }
        filter.judge("<|".repeat(1_000_000), true);
        filter.judge("\n".repeat(1_000_000) + "user " + " ".repeat(1_000_000) + "x", true);
        assertThat(Stream.of(Verdict.values()).mapToLong(filter::count).sum()).isEqualTo(10_002);
        assertThat(filter.count(Verdict.SIMILAR)).isPositive();
    }
}
