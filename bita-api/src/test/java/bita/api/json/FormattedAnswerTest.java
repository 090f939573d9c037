package bita.api.json;

import static org.assertj.core.api.Assertions.assertThat;

import bita.api.AdapterChoice;
import bita.api.Answer;
import bita.api.AnswerListener;
import bita.api.Batch;
import bita.api.BatchListener;
import bita.api.BatchOptions;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.LoadOptions;
import bita.api.Message;
import bita.api.Session;
import bita.api.SessionOptions;
import bita.decode.LogitAdjustments;
import bita.decode.LogitsProcessor;
import bita.decode.Method;
import bita.decode.NotANumberException;
import bita.decode.SamplingSettings;
import bita.decode.TokenLogprobs;
import bita.model.TalkingModel;
import bita.model.template.TemplateException;
import bita.model.tokenizer.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Answers satisfy their schema, whatever is chosen among the tokens that are allowed, and are the same whoever drafts. */
class FormattedAnswerTest {
    private static final String PERSON = """
            {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer",
             "minimum": 0, "maximum": 150}, "tags": {"type": "array", "items": {"type": "string", "maxLength": 12},
             "maxItems": 3}}, "required": ["name", "age", "tags"], "additionalProperties": false}""";
    private static final String OBJECT = "{\"type\": \"object\"}";
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    @TempDir
    static Path folder;

    private static LanguageModel model;
    private static Tokenizer tokenizer;
    private static TokenIndex index;

    @BeforeAll
    static void load() throws IOException {
        LoadOptions options =
                LoadOptions.automatic().withAdapter(new AdapterChoice.None()).withThreads(2);
        model = LanguageModel.load(TalkingModel.write(folder.resolve("talking.gguf")), options);
        tokenizer = model.tokenizer();
        index = TokenIndex.of(tokenizer);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static JsonFormat format(String schema) throws JsonSchemaException {
        return schema.equals(OBJECT) ? JsonFormat.anyObject() : JsonFormat.schema(schema);
    }

    private static BitSet allowed(LogitsProcessor processor) {
        float[] logits = new float[tokenizer.size()];
        processor.process(MemorySegment.ofArray(logits));
        BitSet allowed = new BitSet();
        for (int token = 0; token < logits.length; token++) {
            assertThat(logits[token]).isIn(0f, Float.NEGATIVE_INFINITY);
            allowed.set(token, logits[token] == 0);
        }
        return allowed;
    }

    /** What the index must find, token by token. */
    private static BitSet expected(State state) {
        BitSet expected = new BitSet();
        Steps scratch = new Steps();
        for (int token = 0; token < tokenizer.size(); token++) {
            State after = state;
            for (byte b : tokenizer.bytes(token)) {
                after = after.step(b & 0xff, scratch);
            }
            expected.set(token, !tokenizer.isSpecial(token) && !after.isDead());
        }
        expected.set(TalkingModel.END, state.isComplete());
        return expected;
    }

    private static String walk(JsonFormat format, Random random) {
        LogitsProcessor processor = format.processor(index);
        State state = format.start();
        Steps scratch = new Steps();
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (int step = 0; step < 100_000; step++) {
            BitSet allowed = allowed(processor);
            if (step < 40 || step % 50 == 0) {
                assertThat(allowed).as("%s", text).isEqualTo(expected(state));
            }
            int place = random.nextInt(allowed.cardinality());
            int token = allowed.stream().skip(place).findFirst().orElseThrow();
            processor.accept(token);
            if (token == TalkingModel.END) {
                return text.toString(StandardCharsets.UTF_8);
            }
            for (byte b : tokenizer.bytes(token)) {
                state = state.step(b & 0xff, scratch);
                text.write(b);
            }
        }
        throw new AssertionError("no end in sight: " + text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                OBJECT,
                PERSON,
                "{\"type\": [\"integer\", \"null\"], \"exclusiveMinimum\": -70, \"maximum\": 1000}",
                "{\"type\": \"number\", \"minimum\": -0.75, \"exclusiveMaximum\": 12.5}",
                "{\"enum\": [1, 12, 120, \"th\", \"the\", {\"a\": [1]}]}",
                """
                {"type": "object", "properties": {"a": {"type": "integer"}, "ab": {"enum": ["x", "xy"]}, "b": {}},
                 "required": ["ab"], "additionalProperties": {"type": "boolean"}}""",
                """
                {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {"value": {"type": "number"},
                 "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2}}, "required":
                 ["value", "children"]}}}""",
                """
                {"oneOf": [{"type": "object", "properties": {"kind": {"const": "circle"}, "radius": {"type": "number"}},
                 "required": ["kind", "radius"]}, {"type": "object", "properties": {"kind": {"const": "square"}, "side":
                 {"type": "number"}}, "required": ["kind", "side"]}, {"type": "null"}]}""",
                """
                {"anyOf": [{"type": "array", "prefixItems": [{"type": "string", "minLength": 2, "maxLength": 4}, true],
                 "items": false, "minItems": 1}, {"type": "array", "items": {"type": "string", "minLength": 3}, "minItems":
                 2, "maxItems": 3}]}"""
            })
    void whateverIsChosenSatisfiesTheSchema(String schema) throws JsonSchemaException {
        SchemaChecker checker = new SchemaChecker(MAPPER.readTree(schema));
        JsonFormat format = format(schema);
        for (int seed = 0; seed < 60; seed++) {
            String text = walk(format, new Random(seed));
            JsonNode value = MAPPER.readTree(text);
            assertThat(checker.satisfies(value)).as("seed %d: %s", seed, text).isTrue();
        }
    }

    private static int[] prompt(String text) throws TemplateException {
        return model.prompt(List.of(Message.user(text)));
    }

    private static GenerationOptions options(String schema, int seed) throws JsonSchemaException {
        SamplingSettings sampling = seed == 0 ? SamplingSettings.greedy() : new SamplingSettings(2, 0, 1, 0, seed);
        // The model's words are far likelier than what JSON needs.
        Map<Integer, Float> bias = Map.of((int) '"', 34f, (int) ',', 31f, (int) '}', 34f, (int) ']', 34f);
        return GenerationOptions.of(OptionalInt.of(400), sampling, List.of())
                .withAdjustments(new LogitAdjustments(bias, 0, 0, 1))
                .withLogprobs(1)
                .withFormat(format(schema));
    }

    private static final class Heard implements BatchListener {
        Optional<Answer> answer = Optional.empty();

        @Override
        public void finished(Answer found) {
            answer = Optional.of(found);
        }

        @Override
        public void failed(NotANumberException problem) {
            throw problem;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {PERSON, OBJECT})
    void answersAreTheSameWhoeverDraftsAndInBatches(String schema) throws JsonSchemaException, TemplateException {
        SchemaChecker checker = new SchemaChecker(MAPPER.readTree(schema));
        Method drafting = Method.parse("automaton+recycling");
        int answers = 8;
        int whole = 0;
        long drafted = 0;
        try (Session plain = model.session(SessionOptions.automatic().withMethod(new Method.Plain()));
                Session accelerated = model.session(SessionOptions.automatic().withMethod(drafting));
                Batch batch = model.batch(BatchOptions.of(3).withMethod(drafting))) {
            List<Heard> heard = new ArrayList<>();
            for (int i = 0; i < answers; i++) {
                heard.add(new Heard());
                batch.submit(prompt("Question " + i), options(schema, i), 0, heard.get(i));
            }
            boolean more = true;
            while (more) {
                more = batch.step();
            }
            for (int i = 0; i < answers; i++) {
                GenerationOptions options = options(schema, i);
                Answer expected = plain.generate(prompt("Question " + i), options, AnswerListener.NONE);
                Answer answer = accelerated.generate(prompt("Question " + i), options, AnswerListener.NONE);
                assertThat(answer.tokenIds()).isEqualTo(expected.tokenIds());
                assertThat(heard.get(i).answer.orElseThrow().tokenIds()).isEqualTo(expected.tokenIds());
                assertThat(answer.logprobs()).isEqualTo(expected.logprobs());
                drafted += answer.statistics().draftedTokens();
                if (answer.finish() == Answer.Finish.STOP) {
                    whole++;
                    assertThat(checker.satisfies(MAPPER.readTree(answer.text())))
                            .as(answer.text())
                            .isTrue();
                }
            }
        }
        assertThat(whole).isGreaterThan(answers / 2);
        assertThat(drafted).isPositive();
    }

    /** Reported probabilities are the model's own; what is decided heeds biases only among what is allowed. */
    @Test
    void theFormatHoldsWhateverIsBiased() throws JsonSchemaException, TemplateException {
        Map<Integer, Float> bias = Map.of((int) 'x', 1000f, (int) '7', 900f);
        GenerationOptions options = GenerationOptions.greedy()
                .withMaxTokens(4)
                .withAdjustments(new LogitAdjustments(bias, 0, 0, 1))
                .withLogprobs(1)
                .withFormat(JsonFormat.schema("{\"type\": \"integer\", \"maximum\": 99}"));
        try (Session session = model.session(SessionOptions.automatic())) {
            Answer answer = session.generate(prompt("Hello"), options, AnswerListener.NONE);
            assertThat(answer.text()).isEqualTo("77");
            assertThat(answer.tokenIds()).containsExactly((int) '7', (int) '7', TalkingModel.END);
            assertThat(answer.logprobs()).extracting(TokenLogprobs::logprob).allMatch(p -> p < 0 && p > -200);
            assertThat(answer.finish()).isEqualTo(Answer.Finish.STOP);
        }
    }

    @Test
    void notANumberIsNotHidden() throws JsonSchemaException {
        LogitsProcessor processor = JsonFormat.anyObject().processor(index);
        float[] logits = new float[tokenizer.size()];
        logits['x'] = Float.NaN;
        processor.process(MemorySegment.ofArray(logits));
        assertThat(logits['x']).isNaN();
        assertThat(logits['{']).isZero();
        assertThat(logits['y']).isEqualTo(Float.NEGATIVE_INFINITY);
    }
}
