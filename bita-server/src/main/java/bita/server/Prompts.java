package bita.server;

import bita.api.LanguageModel;
import bita.api.Message;
import bita.model.template.TemplateException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** Reads what is to be answered, as tokens. */
final class Prompts {
    private static final String MESSAGES = "messages";
    private static final String PROMPT = "prompt";
    private static final String CONTENT = "content";

    private final LanguageModel model;
    private final int context;
    private final int most;

    /**
     * @param context most tokens of prompt and answer together
     * @param most    prompts of one request
     */
    Prompts(LanguageModel model, int context, int most) {
        this.model = model;
        this.context = context;
        this.most = most;
    }

    /** The prompt that a conversation makes, which leaves room for an answer. */
    int[] ofMessages(Fields fields) {
        return answerable(MESSAGES, tokensOfMessages(fields));
    }

    /** As {@link #ofMessages}, however long. */
    int[] tokensOfMessages(Fields fields) {
        JsonNode list = fields.required(MESSAGES);
        if (!list.isArray() || list.isEmpty()) {
            throw fields.wrong(MESSAGES, "a list of messages, at least one");
        }
        List<Message> messages = new ArrayList<>();
        for (JsonNode node : list) {
            messages.add(message(node, MESSAGES + "[" + messages.size() + "]"));
        }
        try {
            return model.prompt(messages);
        } catch (TemplateException e) {
            throw ApiError.field(MESSAGES, "the model's chat template refuses the messages: " + e.getMessage());
        }
    }

    private static Message message(JsonNode node, String path) {
        Fields fields = Fields.of(node, path);
        String role = fields.text("role").orElse("");
        Message.Role known = switch (role) {
            case "system", "developer" -> Message.Role.SYSTEM;
            case "user" -> Message.Role.USER;
            case "assistant" -> Message.Role.ASSISTANT;
            default -> throw fields.wrong("role", "'system', 'developer', 'user' or 'assistant'");
        };
        JsonNode content = fields.required(CONTENT);
        fields.end();
        if (content.isString()) {
            return new Message(known, content.stringValue());
        }
        if (!content.isArray()) {
            throw fields.wrong(CONTENT, "a text, or a list of parts of type 'text'");
        }
        StringBuilder text = new StringBuilder();
        int index = 0;
        for (JsonNode part : content) {
            Fields parts = Fields.of(part, fields.path(CONTENT) + "[" + index++ + "]");
            if (!parts.text("type").filter("text"::equals).isPresent()) {
                throw parts.wrong("type", "'text'");
            }
            text.append(parts.text("text").orElseThrow(() -> parts.wrong("text", "a text")));
            parts.end();
        }
        return new Message(known, text.toString());
    }

    /** The prompts of a request for texts, each of which leaves room for an answer. */
    List<int[]> ofPrompt(Fields fields) {
        JsonNode value = fields.required(PROMPT);
        List<int[]> prompts = new ArrayList<>();
        if (value.isArray() && !value.isEmpty() && !value.get(0).isNumber()) {
            if (value.size() > most) {
                throw fields.wrong(PROMPT, "a list of up to " + most + " prompts");
            }
            for (JsonNode one : value) {
                prompts.add(promptOf(fields, one));
            }
        } else {
            prompts.add(promptOf(fields, value));
        }
        return prompts;
    }

    private int[] promptOf(Fields fields, JsonNode value) {
        if (value.isString()) {
            return answerable(PROMPT, model.promptOfText(value.stringValue()));
        }
        if (value.isArray()) {
            return answerable(PROMPT, tokens(fields, PROMPT, value));
        }
        throw fields.wrong(PROMPT, "a text, a list of token ids, or a list of either");
    }

    /** The tokens of a text, which is not to be answered. */
    int[] tokensOfText(Fields fields, boolean withFirstToken) {
        Optional<String> text = fields.text(PROMPT);
        if (text.isEmpty()) {
            throw ApiError.field(PROMPT, "'prompt' or 'messages' is missing");
        }
        return withFirstToken
                ? model.promptOfText(text.get())
                : model.tokenizer().encode(text.get(), false);
    }

    /** Token ids, all of which the model has. */
    int[] tokens(Fields fields, String name, JsonNode list) {
        int size = model.tokenizer().size();
        int[] tokens = new int[list.size()];
        int count = 0;
        for (JsonNode node : list) {
            boolean whole = node.isIntegralNumber() && node.canConvertToInt();
            if (!whole || node.intValue() < 0 || node.intValue() >= size) {
                throw fields.wrong(name, "token ids, which are whole numbers from 0 to " + (size - 1));
            }
            tokens[count++] = node.intValue();
        }
        return tokens;
    }

    private int[] answerable(String param, int[] prompt) {
        if (prompt.length == 0) {
            throw ApiError.field(param, "the prompt has no tokens, and the model no token that begins a text");
        }
        if (prompt.length >= context) {
            throw ApiError.contextLength(param, prompt.length, context);
        }
        return prompt;
    }
}
