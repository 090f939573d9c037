package bita.model.tokenizer;

import bita.model.tokenizer.Vocabulary.AddedToken;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Writes a vocabulary as the tokenizer.json that Hugging Face's tokenizers read, in ASCII: Java holds that in a byte a
 * character, and a large vocabulary has tens of millions.
 */
final class TokenizerJson {
    private static final String HEX = "0123456789abcdef";

    private final Vocabulary vocabulary;
    private final List<String> tokens;
    private final boolean special;
    private final StringBuilder json;
    private final Set<String> hidden = new HashSet<>();

    private TokenizerJson(Vocabulary vocabulary, boolean special) {
        this.vocabulary = vocabulary;
        this.special = special;
        tokens = vocabulary.tokens();
        json = new StringBuilder(20 * (tokens.size() + vocabulary.merges().size()));
    }

    /**
     * The file's text.
     *
     * @param special whether text can become control tokens; without them, none is made of any text but the one for
     *     what is unknown
     */
    static String write(Vocabulary vocabulary, boolean special) {
        return new TokenizerJson(vocabulary, special).write();
    }

    private String write() {
        if (!special) {
            vocabulary.control().stream().mapToObj(tokens::get).forEach(hidden::add);
        }
        json.append("{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
        String separator = "";
        for (AddedToken token : vocabulary.added()) {
            boolean control = vocabulary.control().get(token.id());
            if (!hidden.contains(tokens.get(token.id()))) {
                json.append(separator).append("{\"id\":").append(token.id()).append(",\"content\":");
                string(tokens.get(token.id()));
                json.append(",\"single_word\":").append(token.singleWord());
                json.append(",\"lstrip\":").append(token.strip().left());
                json.append(",\"rstrip\":").append(token.strip().right());
                json.append(",\"normalized\":").append(token.normalized());
                json.append(",\"special\":").append(control).append('}');
                separator = ",";
            }
        }
        TextForm form = vocabulary.form();
        json.append("],\"normalizer\":");
        ascii(form.normalizer());
        json.append(",\"pre_tokenizer\":");
        ascii(form.preTokenizer());
        json.append(",\"post_processor\":null,\"decoder\":null,\"model\":{\"type\":\"BPE\",\"dropout\":null")
                .append(",\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,\"fuse_unk\":")
                .append(form.fuseUnknown())
                .append(",\"byte_fallback\":")
                .append(form.byteFallback())
                .append(",\"ignore_merges\":")
                .append(form.ignoreMerges())
                .append(",\"unk_token\":");
        String unknown = unknown();
        if (unknown.isEmpty()) {
            json.append("null");
        } else {
            string(unknown);
        }
        json.append(",\"vocab\":{");
        separator = "";
        for (int id = 0; id < tokens.size(); id++) {
            String token = tokens.get(id);
            if (!token.isEmpty() && (!hidden.contains(token) || token.equals(unknown))) {
                json.append(separator);
                string(token);
                json.append(':').append(id);
                separator = ",";
            }
        }
        json.append("},\"merges\":[");
        merges();
        return json.append("]}}").toString();
    }

    /** The text of the unknown token; where whole words are tokens, none that text could become. */
    private String unknown() {
        boolean has = vocabulary.unknown().isPresent()
                && (special || !vocabulary.form().ignoreMerges());
        return has ? tokens.get(vocabulary.unknown().getAsInt()) : "";
    }

    /** Pairs as texts with a blank between, which take the library less than lists do, unless tokens have blanks. */
    private void merges() {
        Merges merges = vocabulary.merges();
        boolean blanks = hasBlanks(merges);
        String separator = "";
        for (int i = 0; i < merges.size(); i++) {
            String left = merges.left(i);
            String right = merges.right(i);
            boolean hides = !hidden.isEmpty()
                    && (hidden.contains(left) || hidden.contains(right) || hidden.contains(left + right));
            if (!hides) {
                json.append(separator).append(blanks ? "[\"" : "\"");
                characters(left);
                json.append(blanks ? "\",\"" : " ");
                characters(right);
                json.append(blanks ? "\"]" : "\"");
                separator = ",";
            }
        }
    }

    private static boolean hasBlanks(Merges merges) {
        for (int i = 0; i < merges.size(); i++) {
            if (merges.left(i).indexOf(' ') >= 0 || merges.right(i).indexOf(' ') >= 0) {
                return true;
            }
        }
        return false;
    }

    private void string(String text) {
        json.append('"');
        characters(text);
        json.append('"');
    }

    private void characters(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < 0x20 || c > 0x7e) {
                escape(c);
            } else {
                json.append(c);
            }
        }
    }

    /** JSON, whose characters beyond ASCII stand in strings. */
    private void ascii(String part) {
        for (int i = 0; i < part.length(); i++) {
            char c = part.charAt(i);
            if (c > 0x7e) {
                escape(c);
            } else {
                json.append(c);
            }
        }
    }

    private void escape(char c) {
        json.append("\\u");
        for (int shift = 12; shift >= 0; shift -= 4) {
            json.append(HEX.charAt(c >> shift & 0xf));
        }
    }
}
