package bita.model.tokenizer;

import java.util.Set;

/**
 * The regular expressions by which known tokenizers split text, as their tokenizer.json has them. A tokenizer's file is not
 * trusted, and an expression that nobody has looked at may take forever.
 */
final class Patterns {
    static final String LLAMA3 = """
            (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*\
            |\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+""";

    static final String QWEN2 = """
            (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*\
            |\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+""";

    static final String TEKKEN = """
            [^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+\
            |[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*\
            |\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+""";

    static final String GPT4O = """
            [^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+\
            (?i:'s|'t|'re|'ve|'m|'ll|'d)?\
            |[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*\
            (?i:'s|'t|'re|'ve|'m|'ll|'d)?\
            |\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+""";

    static final String THREE_DIGITS = "[0-9][0-9][0-9]";

    private static final String GPT2 =
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

    private static final String QWEN35 = """
            (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*\
            |\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+""";

    private static final Set<String> KNOWN = Set.of(
            LLAMA3, QWEN2, QWEN35, TEKKEN, GPT4O, GPT2, THREE_DIGITS, "\\p{N}{1,3}", "\\p{N}", "\\d", "[\\r\\n]");

    private Patterns() {}

    static boolean isKnown(String pattern) {
        return KNOWN.contains(pattern);
    }
}
