package bita.eval;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Suites of questions in the format of Spec-Bench (Xia 2024, arXiv 2401.07851): UTF-8, an object per line with
 * {@code question_id}, {@code category} and {@code turns}; other fields are ignored, and so are blank lines.
 */
public final class Suite {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Suite() {}

    /**
     * Reads the first questions of a file, and of the file no more than that takes.
     *
     * @param limit most questions, at least 1
     * @return at least one question
     * @throws SuiteFormatException if a line read is not a question, or there is none; the message names the line
     */
    public static List<Question> read(Path file, int limit) throws IOException {
        if (limit < 1) {
            throw new IllegalArgumentException("the limit is at least 1 question, not " + limit);
        }
        List<Question> questions = new ArrayList<>();
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            int number = 0;
            int next = 0;
            while (next >= 0 && questions.size() < limit) {
                line.reset();
                number++;
                for (next = in.read(); next >= 0 && next != '\n'; next = in.read()) {
                    line.write(next);
                }
                String text = decode(file, number, line.toByteArray());
                if (!text.isBlank()) {
                    questions.add(parse(file, number, text));
                }
            }
        }
        if (questions.isEmpty()) {
            throw new SuiteFormatException(file, "the suite holds no questions");
        }
        return List.copyOf(questions);
    }

    /** Line by line, so that an error is found in the line that has it and not in a buffer's first one. */
    private static String decode(Path file, int line, byte[] bytes) throws SuiteFormatException {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw withCause(new SuiteFormatException(file, line, "the text is not UTF-8"), e);
        }
    }

    private static Question parse(Path file, int line, String text) throws SuiteFormatException {
        JsonNode question;
        try {
            question = JSON.readTree(text);
        } catch (JacksonException e) {
            String problem = "this is not JSON (" + e.getOriginalMessage() + "): a suite has one JSON object per line";
            throw withCause(new SuiteFormatException(file, line, problem), e);
        }
        if (!question.isObject()) {
            throw new SuiteFormatException(file, line, "a question is a JSON object with question_id and turns");
        }
        JsonNode id = question.path("question_id");
        if (!id.isString() && !id.isIntegralNumber()) {
            throw new SuiteFormatException(file, line, "the question lacks question_id, a string or an integer");
        }
        return new Question(id.asString(), question.path("category").asString(""), turns(file, line, question));
    }

    private static List<String> turns(Path file, int line, JsonNode question) throws SuiteFormatException {
        List<String> turns = new ArrayList<>();
        JsonNode array = question.path("turns");
        boolean valid = array.isArray() && !array.isEmpty();
        for (JsonNode turn : array) {
            valid &= turn.isString() && !turn.asString().isBlank();
            turns.add(turn.asString(""));
        }
        if (!valid) {
            throw new SuiteFormatException(
                    file, line, "the question lacks turns, a list of at least one text that is not blank");
        }
        return turns;
    }

    private static SuiteFormatException withCause(SuiteFormatException exception, Exception cause) {
        exception.initCause(cause);
        return exception;
    }
}
