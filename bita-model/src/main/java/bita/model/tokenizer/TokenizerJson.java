package bita.model.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Writes a vocabulary as the tokenizer.json that Hugging Face's tokenizers read. */
final class TokenizerJson {
    private static final String HEX = "0123456789abcdef";

    /** Characters that are kept as such: as a whole, a large vocabulary would be several times in memory. */
    private static final int CHUNK = 1 << 13;

    private TokenizerJson() {}

    /**
     * The file's bytes.
     *
     * @param special whether texts of control and user-defined tokens are found in text
     */
    static byte[] write(Vocabulary vocabulary, boolean special) {
        List<String> tokens = vocabulary.tokens();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(32 * tokens.size());
        StringBuilder json = new StringBuilder(2 * CHUNK);
        json.append("{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
        String separator = "";
        for (int id = 0; special && id < tokens.size(); id++) {
            int type = vocabulary.types()[id];
            if (type == Vocabulary.CONTROL || type == Vocabulary.USER_DEFINED) {
                json.append(separator).append("{\"id\":").append(id).append(",\"content\":");
                string(json, tokens.get(id));
                json.append(
                                ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":")
                        .append(type == Vocabulary.CONTROL)
                        .append('}');
                separator = ",";
            }
        }
        json.append("],\"normalizer\":null,\"pre_tokenizer\":")
                .append(vocabulary.preTokenizer().json())
                .append(",\"post_processor\":null,\"decoder\":null,\"model\":{\"type\":\"BPE\",\"dropout\":null,")
                .append("\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":false,")
                .append("\"byte_fallback\":false,\"ignore_merges\":false,\"unk_token\":");
        if (vocabulary.unknown().isPresent()) {
            string(json, tokens.get(vocabulary.unknown().getAsInt()));
        } else {
            json.append("null");
        }
        json.append(",\"vocab\":{");
        for (int id = 0; id < tokens.size(); id++) {
            json.append(id == 0 ? "" : ",");
            string(json, tokens.get(id));
            json.append(':').append(id);
            if (json.length() >= CHUNK) {
                moveTo(bytes, json);
            }
        }
        json.append("},\"merges\":[");
        separator = "";
        for (String merge : vocabulary.merges()) {
            json.append(separator);
            string(json, merge);
            separator = ",";
            if (json.length() >= CHUNK) {
                moveTo(bytes, json);
            }
        }
        moveTo(bytes, json.append("]}}"));
        return bytes.toByteArray();
    }

    private static void moveTo(ByteArrayOutputStream bytes, StringBuilder json) {
        bytes.writeBytes(json.toString().getBytes(StandardCharsets.UTF_8));
        json.setLength(0);
    }

    private static void string(StringBuilder json, String text) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < 0x20 || Character.isSurrogate(c)) {
                json.append("\\u");
                for (int shift = 12; shift >= 0; shift -= 4) {
                    json.append(HEX.charAt(c >> shift & 0xf));
                }
            } else {
                json.append(c);
            }
        }
        json.append('"');
    }
}
