package bita.model.template;

import java.util.Locale;

/** Python's text functions that depend on nothing but the text. */
final class Text {
    private Text() {}

    /** What Python's {@code str.isspace} holds for white space. */
    static boolean isSpace(int c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
    }

    static String stripStart(String text, String characters) {
        int start = 0;
        while (start < text.length() && isIn(text.codePointAt(start), characters)) {
            start += Character.charCount(text.codePointAt(start));
        }
        return text.substring(start);
    }

    static String stripEnd(String text, String characters) {
        int end = text.length();
        while (end > 0 && isIn(text.codePointBefore(end), characters)) {
            end -= Character.charCount(text.codePointBefore(end));
        }
        return text.substring(0, end);
    }

    /** White space if no characters are given. */
    private static boolean isIn(int c, String characters) {
        return characters.isEmpty() ? isSpace(c) : characters.indexOf(c) >= 0;
    }

    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return text.substring(0, first).toUpperCase(Locale.ROOT)
                + text.substring(first).toLowerCase(Locale.ROOT);
    }

    /** Each run of letters with its first letter in upper case, the others in lower case. */
    static String title(String text) {
        StringBuilder result = new StringBuilder(text.length());
        boolean inWord = false;
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            int c = text.codePointAt(i);
            result.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inWord = Character.isLetter(c);
        }
        return result.toString();
    }

    /** The text with the characters that are special in HTML as entities. */
    static String escapeHtml(String string, TextBuilder result) throws TemplateException {
        int start = 0;
        for (int i = 0; i < string.length(); i++) {
            String entity = switch (string.charAt(i)) {
                case '&' -> "&amp;";
                case '<' -> "&lt;";
                case '>' -> "&gt;";
                case '"' -> "&#34;";
                case '\'' -> "&#39;";
                default -> "";
            };
            if (!entity.isEmpty()) {
                result.append(string.substring(start, i)).append(entity);
                start = i + 1;
            }
        }
        return result.append(string.substring(start)).toString();
    }

    /** The content of a string literal, with Python's escapes decoded. */
    static String unescape(String literal) throws TemplateException {
        if (literal.indexOf('\\') < 0) {
            return literal;
        }
        StringBuilder result = new StringBuilder(literal.length());
        int i = 0;
        while (i < literal.length()) {
            char c = literal.charAt(i++);
            if (c != '\\') {
                result.append(c);
                continue;
            }
            char escape = literal.charAt(i++);
            switch (escape) {
                case '\n' -> {}
                case '\\', '\'', '"' -> result.append(escape);
                case 'a' -> result.append('\u0007');
                case 'b' -> result.append('\b');
                case 'f' -> result.append('\f');
                case 'n' -> result.append('\n');
                case 'r' -> result.append('\r');
                case 't' -> result.append('\t');
                case 'v' -> result.append('\u000b');
                case 'x' -> i = hexadecimal(literal, i, 2, result);
                case 'u' -> i = hexadecimal(literal, i, 4, result);
                case 'U' -> i = hexadecimal(literal, i, 8, result);
                case '0', '1', '2', '3', '4', '5', '6', '7' -> i = octal(literal, i - 1, result);
                default -> result.append('\\').append(escape);
            }
        }
        return result.toString();
    }

    private static int hexadecimal(String literal, int start, int digits, StringBuilder result)
            throws TemplateException {
        int end = start + digits;
        long code = 0;
        for (int i = start; i < end; i++) {
            int digit = i < literal.length() ? Character.digit(literal.charAt(i), 16) : -1;
            if (digit < 0) {
                throw new TemplateException("An escape in a string lacks hexadecimal digits");
            }
            code = (code << 4) | digit;
        }
        if (code > Character.MAX_CODE_POINT) {
            throw new TemplateException("An escape in a string is beyond the last Unicode character");
        }
        result.appendCodePoint((int) code);
        return end;
    }

    private static int octal(String literal, int start, StringBuilder result) {
        int code = 0;
        int i = start;
        while (i < literal.length() && i < start + 3 && literal.charAt(i) >= '0' && literal.charAt(i) <= '7') {
            code = (code << 3) | (literal.charAt(i++) - '0');
        }
        result.appendCodePoint(code);
        return i;
    }
}
