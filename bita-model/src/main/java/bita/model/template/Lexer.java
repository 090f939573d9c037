package bita.model.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Splits a template into tokens and settles which white space around tags is kept. */
final class Lexer {
    static final int MAX_SOURCE = 4 << 20;

    private static final Set<String> LONG_OPERATORS = Set.of("==", "!=", "<=", ">=", "//", "**");
    private static final String OPERATORS = "+-*/%~()[]{},.:|=<>";

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int position;
    private int line = 1;
    private int lineCountedTo;

    private Lexer(String source) {
        this.source = source;
    }

    /** All tokens, the last of type {@link Token.Type#END}. */
    static List<Token> tokens(String source) throws TemplateException {
        if (source.length() > MAX_SOURCE) {
            throw new TemplateException("The template has " + source.length() + " characters, more than " + MAX_SOURCE);
        }
        String lines = source.replace("\r\n", "\n").replace('\r', '\n');
        // As Jinja2 does by default: one newline at the very end is an editor's, not the author's.
        Lexer lexer = new Lexer(lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines);
        lexer.template();
        return List.copyOf(lexer.tokens);
    }

    private void template() throws TemplateException {
        while (position < source.length()) {
            int open = nextTag(position);
            if (open < 0) {
                add(Token.Type.TEXT, position, source.substring(position));
                break;
            }
            tag(open);
        }
        add(Token.Type.END, source.length(), "");
    }

    private int nextTag(int from) {
        int brace = source.indexOf('{', from);
        while (brace >= 0 && brace + 1 < source.length()) {
            if ("{%#".indexOf(source.charAt(brace + 1)) >= 0) {
                return brace;
            }
            brace = source.indexOf('{', brace + 1);
        }
        return -1;
    }

    private void tag(int open) throws TemplateException {
        char kind = source.charAt(open + 1);
        char sign = signAt(open + 2);
        text(open, sign, kind != '{');
        position = open + (sign == 0 ? 2 : 3);
        switch (kind) {
            case '#' -> comment(open);
            case '{' -> {
                add(Token.Type.OUTPUT_BEGIN, open, "{{");
                inside(open, "}}", Token.Type.OUTPUT_END);
            }
            default -> {
                if (!raw(open)) {
                    add(Token.Type.BLOCK_BEGIN, open, "{%");
                    inside(open, "%}", Token.Type.BLOCK_END);
                }
            }
        }
    }

    private char signAt(int at) {
        return at < source.length() && (source.charAt(at) == '-' || source.charAt(at) == '+') ? source.charAt(at) : 0;
    }

    /** Adds the text between the current position and a tag. */
    private void text(int end, char sign, boolean stripsIndentation) {
        int stop = end;
        if (sign == '-') {
            while (stop > position && Text.isSpace(source.charAt(stop - 1))) {
                stop--;
            }
        } else if (sign != '+' && stripsIndentation) {
            int start = end;
            while (start > position && source.charAt(start - 1) != '\n' && Text.isSpace(source.charAt(start - 1))) {
                start--;
            }
            if (start == 0 || source.charAt(start - 1) == '\n') {
                stop = start;
            }
        }
        if (stop > position) {
            add(Token.Type.TEXT, position, source.substring(position, stop));
        }
    }

    private void comment(int open) throws TemplateException {
        int end = source.indexOf("#}", position);
        if (end < 0) {
            throw new TemplateException("The comment is not closed with '#}'").at(lineOf(open));
        }
        endOfTag(end > position ? signAt(end - 1) : 0, end + 2, true);
    }

    /** Moves behind a tag and the white space that belongs to it. */
    private void endOfTag(char sign, int end, boolean trimsNewline) {
        position = end;
        if (sign == '-') {
            while (position < source.length() && Text.isSpace(source.charAt(position))) {
                position++;
            }
        } else if (sign != '+' && trimsNewline && source.startsWith("\n", position)) {
            position++;
        }
    }

    /** Takes a raw block, if there is one here. */
    private boolean raw(int open) throws TemplateException {
        int at = keyword(position, "raw");
        if (at < 0) {
            return false;
        }
        char sign = signAt(at) == '-' ? '-' : 0;
        if (!source.startsWith("%}", sign == 0 ? at : at + 1)) {
            return false;
        }
        endOfTag(sign, at + (sign == 0 ? 2 : 3), false);
        for (int tag = source.indexOf("{%", position); tag >= 0; tag = source.indexOf("{%", tag + 2)) {
            char before = signAt(tag + 2);
            int close = keyword(tag + (before == 0 ? 2 : 3), "endraw");
            if (close >= 0) {
                char after = signAt(close);
                int end = after == 0 ? close : close + 1;
                if (source.startsWith("%}", end)) {
                    text(tag, before, true);
                    endOfTag(after, end + 2, true);
                    return true;
                }
            }
        }
        throw new TemplateException("The raw block is not closed with '{% endraw %}'").at(lineOf(open));
    }

    /** The position behind the keyword and the space around it, or -1 if it does not stand there. */
    private int keyword(int from, String keyword) {
        int at = skipSpace(from);
        return source.startsWith(keyword, at) ? skipSpace(at + keyword.length()) : -1;
    }

    private int skipSpace(int from) {
        int at = from;
        while (at < source.length() && Text.isSpace(source.charAt(at))) {
            at++;
        }
        return at;
    }

    private void inside(int open, String end, Token.Type endType) throws TemplateException {
        int brackets = 0;
        while (true) {
            position = skipSpace(position);
            if (position >= source.length()) {
                throw new TemplateException("The tag is not closed with '" + end + "'").at(lineOf(open));
            }
            char sign = signAt(position);
            // A closing sequence inside brackets closes those: {{ {'a': {}} }}
            if (brackets == 0
                    && (source.startsWith(end, position) || (sign != 0 && source.startsWith(end, position + 1)))) {
                add(endType, position, end);
                boolean block = endType == Token.Type.BLOCK_END;
                endOfTag(source.startsWith(end, position) ? 0 : sign, position + (sign == 0 ? 2 : 3), block);
                return;
            }
            Token token = token();
            tokens.add(token);
            if (token.is(Token.Type.OPERATOR)) {
                if ("([{".contains(token.text())) {
                    brackets++;
                } else if (")]}".contains(token.text()) && --brackets < 0) {
                    throw new TemplateException("'" + token.text() + "' closes nothing").at(token.line());
                }
            }
        }
    }

    private Token token() throws TemplateException {
        int start = position;
        int startLine = lineOf(start);
        char c = source.charAt(start);
        if (c == '"' || c == '\'') {
            return new Token(Token.Type.STRING, string(c), startLine);
        }
        if (Character.isUnicodeIdentifierStart(c) || c == '_') {
            while (position < source.length()
                    && (Character.isUnicodeIdentifierPart(source.charAt(position)) || source.charAt(position) == '_')) {
                position++;
            }
            return new Token(Token.Type.NAME, source.substring(start, position), startLine);
        }
        if (isDigit(c)) {
            return number(start, startLine);
        }
        String two = source.substring(start, Math.min(start + 2, source.length()));
        String operator = LONG_OPERATORS.contains(two) ? two : two.substring(0, 1);
        if (operator.length() == 1 && OPERATORS.indexOf(c) < 0) {
            throw new TemplateException("Unexpected character '" + c + "'").at(startLine);
        }
        position += operator.length();
        return new Token(Token.Type.OPERATOR, operator, startLine);
    }

    private Token number(int start, int startLine) {
        boolean afterDot = !tokens.isEmpty() && tokens.getLast().isOperator(".");
        digits();
        boolean real = false;
        if (!afterDot && position + 1 < source.length() && source.charAt(position) == '.' && isDigitAt(position + 1)) {
            position++;
            digits();
            real = true;
        }
        if (!afterDot && position < source.length() && (source.charAt(position) | 0x20) == 'e') {
            int exponent = signAt(position + 1) == 0 ? position + 1 : position + 2;
            if (isDigitAt(exponent)) {
                position = exponent;
                digits();
                real = true;
            }
        }
        String text = source.substring(start, position).replace("_", "");
        return new Token(real ? Token.Type.FLOAT : Token.Type.INTEGER, text, startLine);
    }

    private void digits() {
        while (isDigitAt(position)
                || (position < source.length() && source.charAt(position) == '_' && isDigitAt(position + 1))) {
            position++;
        }
    }

    private boolean isDigitAt(int at) {
        return at < source.length() && isDigit(source.charAt(at));
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private String string(char quote) throws TemplateException {
        int start = position;
        int end = start + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw new TemplateException("The string is not closed").at(lineOf(start));
        }
        position = end + 1;
        try {
            return Text.unescape(source.substring(start + 1, end));
        } catch (TemplateException e) {
            throw e.at(lineOf(start));
        }
    }

    private void add(Token.Type type, int at, String text) {
        tokens.add(new Token(type, text, lineOf(at)));
    }

    private int lineOf(int at) {
        if (at < lineCountedTo) {
            return line
                    - (int) source.substring(at, lineCountedTo)
                            .chars()
                            .filter(c -> c == '\n')
                            .count();
        }
        for (; lineCountedTo < at; lineCountedTo++) {
            if (source.charAt(lineCountedTo) == '\n') {
                line++;
            }
        }
        return line;
    }
}
