package bita.server;

import static bita.server.TestServer.ENDLESS;
import static bita.server.TestServer.chatBody;
import static org.assertj.core.api.Assertions.assertThat;

import bita.api.Answer;
import bita.api.AnswerListener;
import bita.api.GenerationOptions;
import bita.api.LanguageModel;
import bita.api.Message;
import bita.api.Session;
import bita.api.SessionOptions;
import bita.decode.Method;
import bita.decode.SamplingSettings;
import bita.model.TalkingModel;
import bita.model.template.TemplateException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Answers over HTTP are those of a session alone, in the protocol's shapes. */
@Timeout(120)
class AnswersTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final String TEXT = "/v1/completions";

    @TempDir
    static Path folder;

    private static LanguageModel model;
    private static TestServer server;

    @BeforeAll
    static void start() throws IOException {
        model = TestServer.load(folder);
        server = new TestServer(model, 4, options -> options);
    }

    @AfterAll
    static void end() {
        server.close();
        model.close();
        assertThat(server.problems).isEmpty();
    }

    private static Answer alone(int[] prompt, SamplingSettings sampling, int tokens) {
        try (Session session = model.session(SessionOptions.automatic().withMethod(new Method.Plain()))) {
            return session.generate(
                    prompt, GenerationOptions.of(OptionalInt.of(tokens), sampling, List.of()), AnswerListener.NONE);
        }
    }

    private static Answer alone(String question, SamplingSettings sampling, int tokens) {
        try {
            return alone(model.prompt(List.of(Message.user(question))), sampling, tokens);
        } catch (TemplateException e) {
            throw new AssertionError(e);
        }
    }

    private static String textOf(List<JsonNode> chunks, int index) {
        StringBuilder text = new StringBuilder();
        for (JsonNode chunk : chunks) {
            for (JsonNode choice : chunk.path("choices")) {
                if (choice.path("index").intValue() == index) {
                    text.append(choice.path("delta").path("content").asString(""));
                    text.append(choice.path("text").asString(""));
                }
            }
        }
        return text.toString();
    }

    @Test
    void chatsAreThoseOfASessionStreamedOrNotAcceleratedOrNot() {
        for (String sampling : List.of("\"temperature\": 0", "\"temperature\": 1, \"seed\": 12")) {
            SamplingSettings settings =
                    sampling.contains("seed") ? new SamplingSettings(1, 0, 1, 0, 12) : SamplingSettings.greedy();
            Answer expected = alone("Hello", settings, 30);
            for (boolean accelerated : new boolean[] {true, false}) {
                String fields = sampling + ", \"max_tokens\": 30, \"acceleration\": " + accelerated;
                JsonNode whole = server.chat(fields);
                JsonNode choice = whole.at("/choices/0");
                assertThat(choice.at("/message/content").asString()).isEqualTo(expected.text());
                assertThat(choice.at("/message/role").asString()).isEqualTo("assistant");
                assertThat(choice.at("/finish_reason").asString())
                        .isEqualTo(expected.finish() == Answer.Finish.STOP ? "stop" : "length");
                assertThat(choice.at("/acceleration/enabled").booleanValue()).isEqualTo(accelerated);
                assertThat(whole.at("/usage/completion_tokens").intValue())
                        .isEqualTo(expected.tokenIds().size());
                assertThat(whole.at("/usage/prompt_tokens").intValue())
                        .isEqualTo(expected.statistics().promptTokens());
                assertThat(textOf(server.stream(CHAT, chatBody(fields + ", \"stream\": true")), 0))
                        .isEqualTo(expected.text());
            }
        }
    }

    @Test
    void whatAStepAcceptedAddsUp() {
        JsonNode acceleration = server.chat("\"temperature\": 0, \"max_tokens\": 200, " + ENDLESS)
                .at("/choices/0/acceleration");

        int steps = 0;
        int accepted = 0;
        for (int i = 0; i < acceleration.at("/accepted_by_step").size(); i++) {
            int count = acceleration.at("/accepted_by_step/" + i).intValue();
            steps += count;
            accepted += i * count;
        }
        assertThat(steps).isPositive().isEqualTo(acceleration.at("/steps").intValue());
        assertThat(accepted)
                .isPositive()
                .isEqualTo(acceleration.at("/accepted_tokens").intValue())
                .isEqualTo(199 - steps);
        assertThat(acceleration.at("/drafted_tokens").intValue()).isGreaterThanOrEqualTo(accepted);
    }

    @Test
    void aStreamHasItsOrder() {
        List<JsonNode> chunks = server.stream(
                CHAT,
                chatBody("\"n\": 3, \"seed\": 5, \"max_tokens\": 20, \"stream\": true,"
                        + " \"stream_options\": {\"include_usage\": true}"));

        JsonNode last = chunks.getLast();
        assertThat(last.at("/choices").isArray()).isTrue();
        assertThat(last.at("/choices").size()).isZero();
        List<String> texts = new ArrayList<>();
        for (int index = 0; index < 3; index++) {
            int wanted = index;
            List<JsonNode> own = chunks.stream()
                    .map(chunk -> chunk.at("/choices/0"))
                    .filter(choice -> choice.path("index").asInt(-1) == wanted)
                    .toList();
            assertThat(own.getFirst().at("/delta/role").asString()).isEqualTo("assistant");
            assertThat(own.getFirst().at("/delta/content").asString()).isEmpty();
            assertThat(own.getLast().at("/finish_reason").asString()).isIn("stop", "length");
            assertThat(own.getLast().at("/acceleration/seed").intValue()).isEqualTo(5);
            assertThat(own.subList(1, own.size() - 1)).isNotEmpty().allSatisfy(choice -> {
                assertThat(choice.at("/finish_reason").isNull()).isTrue();
                assertThat(choice.at("/delta/content").asString()).isNotEmpty();
                assertThat(choice.has("acceleration")).isFalse();
            });
            texts.add(textOf(chunks, index));
        }
        assertThat(texts).doesNotHaveDuplicates();
        assertThat(texts.getFirst())
                .isEqualTo(
                        alone("Hello", new SamplingSettings(1, 0, 1, 0, 5), 20).text());
        assertThat(chunks).allSatisfy(chunk -> {
            assertThat(chunk.at("/id").asString())
                    .startsWith("chatcmpl-")
                    .isEqualTo(chunks.getFirst().at("/id").asString());
            assertThat(chunk.at("/object").asString()).isEqualTo("chat.completion.chunk");
            assertThat(chunk.at("/model").asString()).isEqualTo(TestServer.MODEL);
            assertThat(chunk.at("/system_fingerprint").asString()).startsWith("fp_");
        });
        JsonNode whole = server.chat("\"n\": 3, \"seed\": 5, \"max_tokens\": 20");
        for (int index = 0; index < 3; index++) {
            assertThat(whole.at("/choices/" + index + "/index").intValue()).isEqualTo(index);
            assertThat(whole.at("/choices/" + index + "/message/content").asString())
                    .isEqualTo(texts.get(index));
        }
        assertThat(last.at("/usage/completion_tokens")).isEqualTo(whole.at("/usage/completion_tokens"));
    }

    @Test
    void completionsTakeTextsAndTokens() {
        int[] tokens = model.promptOfText("Once");
        JsonNode answer = server.answer(
                TEXT,
                "{\"prompt\": [\"Once\", " + json(tokens) + "], \"temperature\": 0, \"n\": 2, \"max_tokens\": 9}");
        String expected = alone(tokens, SamplingSettings.greedy(), 9).text();

        assertThat(answer.at("/object").asString()).isEqualTo("text_completion");
        assertThat(answer.at("/choices").size()).isEqualTo(4);
        for (int index = 0; index < 4; index++) {
            assertThat(answer.at("/choices/" + index + "/index").intValue()).isEqualTo(index);
            assertThat(answer.at("/choices/" + index + "/text").asString()).isEqualTo(expected);
        }
        assertThat(answer.at("/usage/prompt_tokens").intValue()).isEqualTo(2 * tokens.length);
        assertThat(server.answer(TEXT, "{\"prompt\": " + json(tokens) + ", \"temperature\": 0, \"max_tokens\": 9}")
                        .at("/choices/0/text")
                        .asString())
                .isEqualTo(expected);
        assertThat(server.answer(TEXT, "{\"prompt\": \"Once\", \"temperature\": 0, " + ENDLESS + "}")
                        .at("/usage/completion_tokens")
                        .intValue())
                .isEqualTo(16);
    }

    private static String json(int[] tokens) {
        return java.util.Arrays.toString(tokens);
    }

    @Test
    void logprobsOfChatsRideWithTheirText() {
        String fields = "\"temperature\": 0, \"max_tokens\": 12, \"logprobs\": true, \"top_logprobs\": 2";
        JsonNode whole = server.chat(fields).at("/choices/0/logprobs/content");
        Answer expected = alone("Hello", SamplingSettings.greedy(), 12);

        StringBuilder text = new StringBuilder();
        for (JsonNode token : whole) {
            text.append(token.at("/token").asString());
            assertThat(token.at("/logprob").doubleValue()).isNegative();
            assertThat(token.at("/bytes").isArray()).isTrue();
            assertThat(token.at("/top_logprobs").size()).isEqualTo(2);
            assertThat(token.at("/top_logprobs/0/token")).isEqualTo(token.at("/token"));
            assertThat(token.at("/top_logprobs/0/logprob")).isEqualTo(token.at("/logprob"));
        }
        assertThat(text).hasToString(expected.text());
        List<JsonNode> streamed = new ArrayList<>();
        for (JsonNode chunk : server.stream(CHAT, chatBody(fields + ", \"stream\": true"))) {
            JsonNode content = chunk.at("/choices/0/logprobs/content");
            StringBuilder own = new StringBuilder();
            content.forEach(token -> own.append(token.at("/token").asString()));
            assertThat(own).hasToString(chunk.at("/choices/0/delta/content").asString(""));
            content.forEach(streamed::add);
        }
        assertThat(streamed).containsExactlyElementsOf(whole);
    }

    @Test
    void theEndOfATurnHasNoLogprob() {
        String fields = "\"seed\": 3, \"logprobs\": true";
        JsonNode answer = server.chat(fields);

        assertThat(answer.at("/choices/0/finish_reason").asString()).isEqualTo("stop");
        assertThat(answer.at("/choices/0/logprobs/content").size())
                .isPositive()
                .isEqualTo(answer.at("/usage/completion_tokens").intValue() - 1);
        assertThat(answer.at("/choices/0/logprobs/content/0/top_logprobs").size())
                .isZero();
    }

    @Test
    void logprobsOfCompletionsHaveFourLists() {
        String body = "{\"prompt\": \"Once\", \"seed\": 1, \"max_tokens\": 6, \"logprobs\": 2, " + ENDLESS;
        JsonNode logprobs = server.answer(TEXT, body + "}").at("/choices/0/logprobs");

        int offset = 0;
        for (int i = 0; i < 6; i++) {
            String token = logprobs.at("/tokens/" + i).asString();
            assertThat(logprobs.at("/text_offset/" + i).intValue()).isEqualTo(offset);
            assertThat(logprobs.at("/top_logprobs/" + i).size()).isBetween(2, 3);
            assertThat(logprobs.at("/top_logprobs/" + i).get(token)).isEqualTo(logprobs.at("/token_logprobs/" + i));
            offset += token.length();
        }
        List<Integer> offsets = new ArrayList<>();
        server.stream(TEXT, body + ", \"stream\": true}")
                .forEach(chunk ->
                        chunk.at("/choices/0/logprobs/text_offset").forEach(one -> offsets.add(one.intValue())));
        assertThat(offsets)
                .hasSize(6)
                .element(5)
                .isEqualTo(logprobs.at("/text_offset/5").intValue());
    }

    /** Text that may become a stop text is held back; what was reported of its tokens is not lost. */
    @Test
    void aStopTextEndsAnAnswer() {
        String full = server.chat("\"temperature\": 0, \"max_tokens\": 20")
                .at("/choices/0/message/content")
                .asString();
        String stop = full.substring(10, 14);
        String fields =
                "\"temperature\": 0, \"max_tokens\": 20, \"logprobs\": true, \"stop\": [\"" + stop + "\", \"never\"]";
        JsonNode answer = server.chat(fields);
        List<JsonNode> chunks = server.stream(CHAT, chatBody(fields + ", \"stream\": true"));

        String expected = full.substring(0, full.indexOf(stop));
        assertThat(answer.at("/choices/0/message/content").asString()).isEqualTo(expected);
        assertThat(answer.at("/choices/0/finish_reason").asString()).isEqualTo("stop");
        assertThat(textOf(chunks, 0)).isEqualTo(expected);
        List<JsonNode> streamed = new ArrayList<>();
        chunks.forEach(chunk -> chunk.at("/choices/0/logprobs/content").forEach(streamed::add));
        assertThat(streamed)
                .hasSize(answer.at("/usage/completion_tokens").intValue())
                .containsExactlyElementsOf(answer.at("/choices/0/logprobs/content"));
    }

    @Test
    void draftsAreShown() {
        String fields = "\"temperature\": 0, \"max_tokens\": 200, \"show_drafts\": true, " + ENDLESS;
        JsonNode choice = server.chat(fields).at("/choices/0");

        StringBuilder text = new StringBuilder();
        int drafted = 0;
        for (JsonNode draft : choice.at("/drafts")) {
            text.append(draft.at("/text").asString());
            boolean root = draft.at("/source").asString().equals("root");
            assertThat(draft.at("/source").asString()).isIn("root", "automaton", "recycling");
            assertThat(draft.at("/depth").intValue() == 0).isEqualTo(root);
            drafted += root ? 0 : 1;
        }
        assertThat(text).hasToString(choice.at("/message/content").asString());
        assertThat(drafted).isEqualTo(choice.at("/acceleration/accepted_tokens").intValue());
        assertThat(server.stream(CHAT, chatBody(fields + ", \"stream\": true"))).allSatisfy(chunk -> {
            StringBuilder own = new StringBuilder();
            chunk.at("/choices/0/drafts")
                    .forEach(draft -> own.append(draft.at("/text").asString()));
            assertThat(own).hasToString(chunk.at("/choices/0/delta/content").asString(""));
        });
    }

    @Test
    void theNextTurnOfAConversationIsReadFromWhereTheLastOneEnded() {
        String question = "x".repeat(300);
        String first = "{\"role\": \"user\", \"content\": \"" + question + "\"}";
        JsonNode answer = server.answer(
                CHAT, "{\"messages\": [" + first + "], \"max_tokens\": 8, \"temperature\": 0, " + ENDLESS + "}");
        JsonNode next = server.answer(
                CHAT,
                "{\"messages\": [" + first + ", {\"role\": \"assistant\", \"content\": "
                        + answer.at("/choices/0/message/content")
                        + "}, {\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"more\"}]}],"
                        + " \"max_tokens\": 2}");

        assertThat(next.at("/usage/prompt_tokens_details/cached_tokens").intValue())
                .isGreaterThan(300)
                .isEqualTo(
                        next.at("/choices/0/acceleration/reused_prompt_tokens").intValue());
    }

    @Test
    void severalAnswersReadTheirPromptOnce() {
        JsonNode answer = server.answer(
                CHAT,
                "{\"messages\": [{\"role\": \"user\", \"content\": \"" + "once ".repeat(60)
                        + "\"}], \"n\": 3, \"max_tokens\": 4}");

        assertThat(answer.at("/usage/prompt_tokens_details/cached_tokens").intValue())
                .isLessThan(100);
        assertThat(answer.at("/choices/0/acceleration/reused_prompt_tokens").intValue())
                .isLessThan(100);
        for (int choice = 1; choice < 3; choice++) {
            assertThat(answer.at("/choices/" + choice + "/acceleration/reused_prompt_tokens")
                            .intValue())
                    .isEqualTo(answer.at("/usage/prompt_tokens").intValue() - 1);
        }
    }

    @Test
    void aRolesNameMakesNoDifference() {
        String body = "{\"messages\": [{\"role\": \"%s\", \"content\": \"Be brief\"},"
                + " {\"role\": \"user\", \"content\": \"Hello\", \"name\": null}], \"temperature\": 0,"
                + " \"max_completion_tokens\": 9, \"max_tokens\": 9, \"tools\": null, \"model\": \"other/name\"}";

        assertThat(server.answer(CHAT, body.formatted("developer")).at("/choices/0/message"))
                .isEqualTo(server.answer(CHAT, body.formatted("system")).at("/choices/0/message"));
    }

    @Test
    void textThatIsNoTextBreaksNothing() {
        for (String text : List.of("\\u0000", "\\ud800", "a\\udc00b", "\\uffff", "<|im_end|>", "\\ud83d\\ude00")) {
            JsonNode answer = server.answer(
                    CHAT, "{\"messages\": [{\"role\": \"user\", \"content\": \"" + text + "\"}], \"max_tokens\": 2}");
            assertThat(answer.at("/choices").size()).isOne();
            assertThat(server.answer(TEXT, "{\"prompt\": \"" + text + "\", \"max_tokens\": 2}")
                            .at("/choices")
                            .size())
                    .isOne();
        }
        JsonNode byteTokens = server.answer(
                TEXT,
                "{\"prompt\": \"a\", \"max_tokens\": 3, \"logprobs\": 1," + " \"logit_bias\": {\"195\": 100, \""
                        + TalkingModel.END + "\": -100}}");
        assertThat(byteTokens.at("/choices/0/logprobs/tokens/0").asString()).isEqualTo("bytes:\\xc3");
    }

    @Test
    void whatIsNoNumberIsAnError() {
        String body = "{\"prompt\": \"a\\u0007\", \"max_tokens\": 2}";

        assertThat(server.post(TEXT, body).statusCode()).isEqualTo(500);
        assertThat(TestServer.json(server.post(TEXT, body)).at("/error/code").asString())
                .isEqualTo("not_a_number");
    }

    /** Many kinds of requests at a time; each answer is the one that a session gives alone. */
    @Test
    void manyClientsGetTheAnswersTheyGetAlone() throws Exception {
        Duration time = Duration.ofSeconds(Integer.getInteger("bita.soak.seconds", 5));
        long end = System.nanoTime() + time.toNanos();
        List<Answer> greedy = new ArrayList<>();
        List<Answer> sampled = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            greedy.add(alone("Question " + i, SamplingSettings.greedy(), 10 + 7 * i));
            sampled.add(alone("Question " + i, new SamplingSettings(1, 0, 1, 0, i), 10 + 7 * i));
        }
        try (ExecutorService clients = Executors.newFixedThreadPool(8)) {
            List<Callable<Integer>> work = new ArrayList<>();
            for (int client = 0; client < 8; client++) {
                Random random = new Random(client);
                work.add(() -> {
                    int requests = 0;
                    while (System.nanoTime() < end) {
                        int i = random.nextInt(6);
                        boolean seeded = random.nextBoolean();
                        boolean streamed = random.nextBoolean();
                        String body = "{\"messages\": [{\"role\": \"user\", \"content\": \"Question " + i
                                + "\"}], \"max_tokens\": " + (10 + 7 * i) + ", \"acceleration\": "
                                + random.nextBoolean() + ", \"stream\": " + streamed
                                + (seeded ? ", \"seed\": " + i : ", \"temperature\": 0") + "}";
                        String text = streamed
                                ? textOf(server.stream(CHAT, body), 0)
                                : server.answer(CHAT, body)
                                        .at("/choices/0/message/content")
                                        .asString();
                        assertThat(text)
                                .isEqualTo((seeded ? sampled : greedy).get(i).text());
                        requests++;
                    }
                    return requests;
                });
            }
            for (Future<Integer> requests : clients.invokeAll(work)) {
                assertThat(requests.get()).isPositive();
            }
        }
        TestServer.await(server::isIdle);
    }

    @Test
    void answersHaveTheFormatAskedFor() {
        String object = "\"temperature\": 0, \"max_tokens\": 300, \"response_format\": {\"type\": \"json_object\"}";
        String schema = "\"seed\": 4, \"max_tokens\": 300, \"response_format\": {\"type\": \"json_schema\","
                + " \"json_schema\": {\"name\": \"answer\", \"strict\": true, \"schema\": {\"type\": \"object\","
                + " \"properties\": {\"sure\": {\"type\": \"boolean\"}}, \"required\": [\"sure\"],"
                + " \"additionalProperties\": false}}}";

        assertThat(server.chat(object)
                        .at("/choices/0/message/content")
                        .asString()
                        .strip())
                .startsWith("{");
        JsonNode answer = server.chat(schema).at("/choices/0");
        assertThat(answer.at("/finish_reason").asString()).isEqualTo("stop");
        assertThat(TestServer.json(answer.at("/message/content").asString())
                        .at("/sure")
                        .isBoolean())
                .isTrue();
        assertThat(textOf(server.stream(CHAT, chatBody(schema + ", \"stream\": true")), 0))
                .isEqualTo(answer.at("/message/content").asString());
    }

    @Test
    void tokensAndTextsAreTranslated() {
        JsonNode tokens = server.answer("/tokenize", "{\"prompt\": \"the end\"}");
        int[] expected = model.promptOfText("the end");

        assertThat(tokens.at("/count").intValue()).isEqualTo(expected.length);
        assertThat(tokens.at("/tokens").size()).isEqualTo(expected.length);
        assertThat(tokens.at("/max_model_len").intValue()).isEqualTo(TalkingModel.CONTEXT);
        assertThat(server.answer("/detokenize", "{\"tokens\": " + tokens.at("/tokens") + "}")
                        .at("/prompt")
                        .asString())
                .isEqualTo("the end");
        assertThat(server.answer("/tokenize", "{\"prompt\": \"the end\", \"add_special_tokens\": false}")
                        .at("/count")
                        .intValue())
                .isEqualTo(model.tokenizer().encode("the end", false).length);
        assertThat(server.answer("/tokenize", chatBody("")).at("/tokens/0").intValue())
                .isEqualTo(TalkingModel.START);
    }
}
