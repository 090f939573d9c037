package bita.server;

import bita.api.LanguageModel;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Reads requests' bodies. What it takes is bounded by the body's size, but it may be some time. */
final class RequestReader {
    private static final int FEW_TOKENS = 16;
    private static final int MOST_CHAT_LOGPROBS = 20;
    private static final int MOST_TEXT_LOGPROBS = 5;

    private final LanguageModel model;
    private final ServerOptions options;
    private final int context;
    private final Prompts prompts;
    private final AnsweringReader answering;

    RequestReader(LanguageModel model, ServerOptions options, int context) {
        this.model = model;
        this.options = options;
        this.context = context;
        prompts = new Prompts(model, context, options.limits().prompts());
        answering = new AnsweringReader(
                options.sampling(), model.tokenizer().size(), options.limits().choices());
    }

    /** A request for answers to a conversation. */
    AnswerRequest chat(byte[] body) {
        Fields fields = Fields.ofBody(body);
        checkModel(fields);
        Answering how = answering.read(fields, OptionalInt.empty(), chatLogprobs(fields));
        fields.any("messages");
        fields.end();
        int[] prompt = prompts.ofMessages(fields);
        return checked(new AnswerRequest(new ChatShape(model.tokenizer()), List.of(prompt), how), "n");
    }

    private static OptionalInt chatLogprobs(Fields fields) {
        boolean wanted = fields.flag("logprobs", false);
        OptionalInt top = fields.whole("top_logprobs", 0, MOST_CHAT_LOGPROBS);
        if (top.isPresent() && !wanted) {
            throw fields.wrong("top_logprobs", "missing where 'logprobs' is not true");
        }
        return wanted ? OptionalInt.of(top.orElse(0)) : OptionalInt.empty();
    }

    /** A request for what follows texts. */
    AnswerRequest completion(byte[] body) {
        Fields fields = Fields.ofBody(body);
        checkModel(fields);
        OptionalInt logprobs = fields.whole("logprobs", 0, MOST_TEXT_LOGPROBS);
        Answering how = answering.read(fields, OptionalInt.of(FEW_TOKENS), logprobs);
        fields.any("prompt");
        fields.end();
        return checked(
                new AnswerRequest(new TextShape(model.tokenizer()), prompts.ofPrompt(fields), how),
                how.choices() > 1 ? "n" : "prompt");
    }

    private AnswerRequest checked(AnswerRequest request, String param) {
        int places = options.batch().sequences() + options.waiting();
        if (request.answers() > places) {
            throw ApiError.field(
                    param,
                    "the request asks for " + request.answers() + " answers, and the server has " + places + " places");
        }
        return request;
    }

    /** The response to a request for the tokens of a text. */
    ObjectNode tokenize(byte[] body) {
        Fields fields = Fields.ofBody(body);
        checkModel(fields);
        Optional<JsonNode> messages = fields.any("messages");
        Optional<JsonNode> special = fields.any("add_special_tokens");
        boolean withFirstToken = fields.flag("add_special_tokens", true);
        if (messages.isPresent() && fields.any("prompt").isPresent()) {
            throw fields.wrong("prompt", "missing where there are 'messages'");
        }
        if (messages.isPresent() && special.isPresent()) {
            throw fields.wrong("add_special_tokens", "missing where there are 'messages'");
        }
        fields.any("prompt");
        fields.end();
        int[] tokens =
                messages.isPresent() ? prompts.tokensOfMessages(fields) : prompts.tokensOfText(fields, withFirstToken);
        ObjectNode response = Json.object();
        ArrayNode ids = response.putArray("tokens");
        for (int token : tokens) {
            ids.add(token);
        }
        return response.put("count", tokens.length).put("max_model_len", context);
    }

    /** The response to a request for the text of tokens. */
    ObjectNode detokenize(byte[] body) {
        Fields fields = Fields.ofBody(body);
        checkModel(fields);
        JsonNode list = fields.required("tokens");
        fields.end();
        if (!list.isArray()) {
            throw fields.wrong("tokens", "a list of token ids");
        }
        return Json.object().put("prompt", model.tokenizer().decode(prompts.tokens(fields, "tokens", list)));
    }

    private void checkModel(Fields fields) {
        fields.text("model").ifPresent(this::checkModel);
    }

    /** @throws ApiError if this is not what the served model is called */
    void checkModel(String name) {
        if (!name.equals(options.modelId()) && !options.aliases().contains(name)) {
            String shown = name.length() > 100 ? name.substring(0, 100) + "..." : name;
            throw ApiError.model(shown, options.modelId());
        }
    }
}
