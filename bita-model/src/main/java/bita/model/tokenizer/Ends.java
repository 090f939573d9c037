package bita.model.tokenizer;

import java.util.Set;

/** How well-known models end a turn; their files do not always name all of these. */
final class Ends {
    private static final Set<String> NAMES = Set.of(
            "<|im_end|>",
            "<|eot_id|>",
            "<|eom_id|>",
            "<|end_of_text|>",
            "<|endoftext|>",
            "<end_of_turn>",
            "<|end|>",
            "<eos>",
            "</s>",
            "<EOT>");

    private Ends() {}

    /** Whether a control token of this text ends the model's turn. */
    static boolean isEnd(String control) {
        return NAMES.contains(control);
    }

    /** Whether a token of this text is a control token, though its file may call it text. */
    static boolean isControl(String token) {
        return token.equals("<end_of_turn>") || (token.startsWith("<|") && NAMES.contains(token));
    }
}
