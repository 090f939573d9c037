package bita.server;

import bita.decode.TokenLogprobs;
import bita.model.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Answers to a conversation. */
record ChatShape(Tokenizer tokenizer) implements AnswerShape {
    private static final String ASSISTANT = "assistant";

    @Override
    public String object() {
        return "chat.completion";
    }

    @Override
    public String chunkObject() {
        return "chat.completion.chunk";
    }

    @Override
    public String idPrefix() {
        return "chatcmpl-";
    }

    @Override
    public List<ObjectNode> opening(int index) {
        ObjectNode choice = Json.object().put("index", index);
        choice.putObject("delta").put("role", ASSISTANT).put("content", "");
        return List.of(choice.putNull("logprobs"));
    }

    @Override
    public ObjectNode piece(int index, String text, List<TokenLogprobs> logprobs, int offset) {
        ObjectNode choice = Json.object().put("index", index);
        ObjectNode delta = choice.putObject("delta");
        if (!text.isEmpty()) {
            delta.put("content", text);
        }
        putLogprobs(choice, logprobs);
        return choice;
    }

    @Override
    public ObjectNode whole(int index, String text, List<TokenLogprobs> logprobs) {
        ObjectNode choice = Json.object().put("index", index);
        choice.putObject("message").put("role", ASSISTANT).put("content", text).putNull("refusal");
        putLogprobs(choice, logprobs);
        return choice;
    }

    @Override
    public int length(List<TokenLogprobs> logprobs) {
        return 0; // chats have no offsets
    }

    private void putLogprobs(ObjectNode choice, List<TokenLogprobs> logprobs) {
        if (logprobs.isEmpty()) {
            choice.putNull("logprobs");
            return;
        }
        ArrayNode content = choice.putObject("logprobs").putArray("content");
        for (TokenLogprobs found : logprobs) {
            ObjectNode token = content.addObject();
            putToken(token, found.token(), found.logprob());
            ArrayNode top = token.putArray("top_logprobs");
            found.top().forEach(candidate -> putToken(top.addObject(), candidate.token(), candidate.logprob()));
        }
    }

    private void putToken(ObjectNode node, int token, double logprob) {
        byte[] bytes = tokenizer.bytes(token);
        node.put("token", new String(bytes, StandardCharsets.UTF_8)).put("logprob", Logprobs.finite(logprob));
        ArrayNode list = node.putArray("bytes");
        for (byte b : bytes) {
            list.add(Byte.toUnsignedInt(b));
        }
    }
}
