package bita.tune.data;

import bita.api.Answer;
import bita.api.Message;
import bita.decode.SamplingSettings;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.json.JsonMapper;

/** An answer and its origin as a line of a file. */
public record AnswerLine(
        String id,
        List<Said> messages,
        @JsonProperty("prompt_token_ids") List<Integer> promptTokenIds,
        @JsonProperty("answer_token_ids") List<Integer> answerTokenIds,
        String finish,
        @JsonProperty("model_sha256") String modelSha256,
        Settings settings,
        String text) {
    /** Longest line, in bytes: some million tokens. */
    static final int MOST_BYTES = 1 << 25;

    /** How every line begins. */
    static final String BEGINNING = "{\"id\":\"";

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(
                    DeserializationFeature.FAIL_ON_TRAILING_TOKENS,
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
            .build();

    public AnswerLine {
        messages = List.copyOf(messages);
        promptTokenIds = List.copyOf(promptTokenIds);
        answerTokenIds = List.copyOf(answerTokenIds);
    }

    /** A message as it is written. */
    public record Said(String role, String content) {}

    /** How tokens were chosen, as it is written. */
    public record Settings(
            double temperature,
            @JsonProperty("top_k") int topK,
            @JsonProperty("top_p") double topP,
            @JsonProperty("min_p") double minP,
            long seed) {}

    /** An answer and where it comes from. */
    public record Parsed(AnsweredTurn answer, AnswerOrigin origin) {}

    /** A line that is no answer; the message says why. */
    public static final class NoAnswerException extends Exception {
        private static final long serialVersionUID = 1L;

        NoAnswerException(String problem) {
            super(problem);
        }
    }

    /**
     * The line with its end.
     *
     * @throws IllegalArgumentException if the answer cannot be written as a line of UTF-8
     */
    public static byte[] write(AnsweredTurn answer, AnswerOrigin origin) {
        SamplingSettings sampling = origin.sampling();
        AnswerLine line = new AnswerLine(
                answer.id(),
                answer.messages().stream()
                        .map(m -> new Said(m.role().name().toLowerCase(Locale.ROOT), m.content()))
                        .toList(),
                answer.promptTokenIds(),
                answer.answerTokenIds(),
                answer.finish().name().toLowerCase(Locale.ROOT),
                origin.modelSha256(),
                new Settings(
                        sampling.temperature(), sampling.topK(), sampling.topP(), sampling.minP(), sampling.seed()),
                answer.text());
        byte[] json;
        try {
            json = JSON.writeValueAsBytes(line);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    "answer " + answer.id() + " cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
        if (json.length > MOST_BYTES) {
            throw new IllegalArgumentException("answer " + answer.id() + " takes " + json.length + " bytes; at most "
                    + MOST_BYTES + " can be read again");
        }
        byte[] bytes = Arrays.copyOf(json, json.length + 1);
        bytes[json.length] = '\n';
        return bytes;
    }

    /**
     * Reads a line.
     *
     * @param json with or without its end
     * @throws NoAnswerException if it is no answer; the message says why
     */
    public static Parsed read(byte[] json) throws NoAnswerException {
        try {
            AnswerLine line = JSON.readValue(json, AnswerLine.class);
            if (line == null) {
                throw new NoAnswerException("it is null");
            }
            return line.parsed();
        } catch (JacksonException e) {
            throw new NoAnswerException(e.getOriginalMessage().replaceAll("\\p{Cntrl}+", " "));
        } catch (IllegalArgumentException e) {
            throw new NoAnswerException(String.valueOf(e.getMessage()));
        }
    }

    private Parsed parsed() {
        List<Message> conversation = messages.stream()
                .map(m -> new Message(constant(Message.Role.class, m.role()), m.content()))
                .toList();
        AnsweredTurn answer = new AnsweredTurn(
                id, conversation, promptTokenIds, answerTokenIds, constant(Answer.Finish.class, finish), text);
        SamplingSettings sampling = new SamplingSettings(
                settings.temperature(), settings.topK(), settings.topP(), settings.minP(), settings.seed());
        return new Parsed(answer, new AnswerOrigin(modelSha256, sampling));
    }

    private static <E extends Enum<E>> E constant(Class<E> type, String name) {
        for (E constant : type.getEnumConstants()) {
            if (constant.name().toLowerCase(Locale.ROOT).equals(name)) {
                return constant;
            }
        }
        String quoted = name.length() <= 40 ? name : name.substring(0, 40) + "...";
        throw new IllegalArgumentException(
                "\"" + quoted + "\" is no " + type.getSimpleName().toLowerCase(Locale.ROOT));
    }
}
