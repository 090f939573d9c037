package bita.tune.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The JSON forms that conversations come in. Where a record has several, the first of {@link #FORMS} counts. */
final class QuestionFormat {
    private static final String FORMS = "messages, conversations, turns, instruction, prompt or question";

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private QuestionFormat() {}

    /** A record that is no question; the message says what was expected. */
    static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1L;

        RefusedException(String problem) {
            super(problem);
        }
    }

    /** What a conversation says before anything is answered. */
    private record Script(List<String> system, List<String> turns) {}

    static Question parse(String text) throws RefusedException {
        JsonNode root;
        try {
            root = JSON.readTree(text);
        } catch (JacksonException e) {
            // Jackson shows control characters as they are; a report has one line per record.
            String problem = e.getOriginalMessage().replaceAll("\\p{Cntrl}+", " ");
            throw new RefusedException("this is not JSON (" + problem
                    + "); a record is one object on one line, or one element of a single array");
        }
        if (root.isString()) {
            return question(Optional.empty(), new Script(List.of(), List.of(root.asString())));
        }
        if (!root.isObject()) {
            throw new RefusedException("a question is a JSON object with " + FORMS + ", or a text");
        }
        return question(id(root), script(root));
    }

    /** A question that is one line of plain text. */
    static Question plain(String line) throws RefusedException {
        if (line.chars().anyMatch(c -> Character.isISOControl(c) && c != '\t')) {
            throw new RefusedException("the line holds control characters; a question is a line of plain text");
        }
        if (line.startsWith("{\"") && line.endsWith("}")) {
            throw new RefusedException("this is JSON in a file that begins as plain text; use one of the two");
        }
        return question(Optional.empty(), new Script(List.of(), List.of(line)));
    }

    private static Question question(Optional<String> id, Script script) throws RefusedException {
        if (script.turns().isEmpty()) {
            throw new RefusedException("nothing is asked; a question needs at least one user turn");
        }
        for (String turn : script.turns()) {
            if (turn.isBlank()) {
                throw new RefusedException("a user turn is blank; each one needs text");
            }
            checkUnicode(turn);
        }
        String system = String.join(
                "\n\n", script.system().stream().filter(text -> !text.isBlank()).toList());
        checkUnicode(system);
        Optional<String> told = system.isEmpty() ? Optional.empty() : Optional.of(system);
        return id.isPresent() ? new Question(id.get(), told, script.turns()) : Question.of(told, script.turns());
    }

    /** JSON's escapes can spell what is no text: it has no UTF-8 form, so it could be neither tokenized nor kept. */
    private static void checkUnicode(String text) throws RefusedException {
        if (!Unicode.isValid(text)) {
            throw new RefusedException("a text holds half a surrogate pair; it is no valid Unicode");
        }
    }

    private static Optional<String> id(JsonNode root) throws RefusedException {
        for (String name : List.of("id", "question_id")) {
            JsonNode id = root.path(name);
            if (id.isIntegralNumber() || (id.isString() && !id.asString().isBlank())) {
                checkUnicode(id.asString());
                return Optional.of(id.asString());
            }
        }
        return Optional.empty();
    }

    private static Script script(JsonNode root) throws RefusedException {
        List<String> system = new ArrayList<>();
        if (root.hasNonNull("system")) {
            system.add(text(root, "system"));
        }
        if (root.hasNonNull("messages")) {
            return messages(root, "messages", system);
        } else if (root.hasNonNull("conversations")) {
            return messages(root, "conversations", system);
        } else if (root.hasNonNull("turns")) {
            return new Script(system, turns(root.get("turns")));
        } else if (root.hasNonNull("instruction")) {
            String instruction = text(root, "instruction");
            String input = root.hasNonNull("input") ? text(root, "input") : "";
            return new Script(system, List.of(input.isBlank() ? instruction : instruction + "\n\n" + input));
        } else if (root.hasNonNull("prompt")) {
            return new Script(system, List.of(text(root, "prompt")));
        } else if (root.hasNonNull("question")) {
            return new Script(system, List.of(text(root, "question")));
        }
        throw new RefusedException("the object has none of " + FORMS);
    }

    private static String text(JsonNode object, String name) throws RefusedException {
        JsonNode value = object.path(name);
        if (!value.isString()) {
            throw new RefusedException(name + " must be a text");
        }
        return value.asString();
    }

    private static List<String> turns(JsonNode array) throws RefusedException {
        List<String> turns = new ArrayList<>();
        for (JsonNode turn : array) {
            if (!turn.isString()) {
                throw new RefusedException("turns must be a list of texts");
            }
            turns.add(turn.asString());
        }
        if (!array.isArray()) {
            throw new RefusedException("turns must be a list of texts");
        }
        return turns;
    }

    /** OpenAI's {@code role} and {@code content}, or ShareGPT's {@code from} and {@code value}. */
    private static Script messages(JsonNode root, String name, List<String> system) throws RefusedException {
        JsonNode array = root.get(name);
        if (!array.isArray()) {
            throw new RefusedException(name + " must be a list of messages");
        }
        List<String> turns = new ArrayList<>();
        for (JsonNode message : array) {
            boolean shareGpt = message.has("from");
            JsonNode role = message.path(shareGpt ? "from" : "role");
            JsonNode content = message.path(shareGpt ? "value" : "content");
            switch (role.asString("").toLowerCase(Locale.ROOT)) {
                case "user", "human" -> turns.add(content(content));
                case "system", "developer" -> {
                    if (!turns.isEmpty()) {
                        throw new RefusedException("a system message stands behind a user turn; it must be before all");
                    }
                    system.add(content(content));
                }
                case "assistant", "gpt" -> {
                    // The model's own answer takes its place.
                }
                default ->
                    throw new RefusedException("a message has the role " + quote(role) + "; it must be user (human),"
                            + " assistant (gpt) or system (developer)");
            }
        }
        return new Script(system, turns);
    }

    /** A text, or OpenAI's list of parts of which each is a text. */
    private static String content(JsonNode content) throws RefusedException {
        if (content.isString()) {
            return content.asString();
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            if (!part.path("type").asString("").equals("text")
                    || !part.path("text").isString()) {
                throw new RefusedException("a message holds something that is no text; only texts can be asked");
            }
            text.append(part.path("text").asString());
        }
        if (!content.isArray()) {
            throw new RefusedException("a message lacks its text (content or value)");
        }
        return text.toString();
    }

    private static String quote(JsonNode role) {
        String text = role.isMissingNode() ? "(none)" : role.toString();
        return text.length() <= 40 ? text : text.substring(0, 40) + "...";
    }
}
