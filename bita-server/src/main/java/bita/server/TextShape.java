package bita.server;

import bita.decode.TokenLogprobs;
import bita.model.tokenizer.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What follows texts. */
record TextShape(Tokenizer tokenizer) implements AnswerShape {
    @Override
    public String object() {
        return "text_completion";
    }

    @Override
    public String chunkObject() {
        return "text_completion";
    }

    @Override
    public String idPrefix() {
        return "cmpl-";
    }

    @Override
    public List<ObjectNode> opening(int index) {
        return List.of();
    }

    @Override
    public ObjectNode piece(int index, String text, List<TokenLogprobs> logprobs, int offset) {
        ObjectNode choice = Json.object().put("index", index).put("text", text);
        if (logprobs.isEmpty()) {
            return choice.putNull("logprobs");
        }
        ObjectNode found = choice.putObject("logprobs");
        ArrayNode tokens = found.putArray("tokens");
        ArrayNode values = found.putArray("token_logprobs");
        ArrayNode tops = found.putArray("top_logprobs");
        ArrayNode offsets = found.putArray("text_offset");
        int at = offset;
        for (TokenLogprobs one : logprobs) {
            tokens.add(text(one.token()));
            values.add(Logprobs.finite(one.logprob()));
            ObjectNode top = tops.addObject();
            one.top().forEach(candidate -> top.put(text(candidate.token()), Logprobs.finite(candidate.logprob())));
            top.put(text(one.token()), Logprobs.finite(one.logprob()));
            offsets.add(at);
            at += text(one.token()).length();
        }
        return choice;
    }

    @Override
    public ObjectNode whole(int index, String text, List<TokenLogprobs> logprobs) {
        return piece(index, text, logprobs, 0);
    }

    @Override
    public int length(List<TokenLogprobs> logprobs) {
        return logprobs.stream().mapToInt(found -> text(found.token()).length()).sum();
    }

    /** A token's text; of one that is part of a character its bytes, as the protocol writes them. */
    private String text(int token) {
        byte[] bytes = tokenizer.bytes(token);
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            return "bytes:\\x" + HexFormat.ofDelimiter("\\x").formatHex(bytes);
        }
    }
}
