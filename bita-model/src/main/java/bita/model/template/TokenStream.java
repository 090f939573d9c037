package bita.model.template;

import java.util.List;

/** The tokens not yet parsed, and how deeply the parser is nested in them. */
final class TokenStream {
    static final int MAX_NESTING = 200;

    private final List<Token> tokens;
    private int position;
    private int nesting;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token peek() {
        return tokens.get(position);
    }

    /** The token behind the next one; the end if there is none. */
    Token peekSecond() {
        return tokens.get(Math.min(position + 1, tokens.size() - 1));
    }

    /** The next token, taken unless it is the end. */
    Token next() {
        Token token = tokens.get(position);
        if (!token.is(Token.Type.END)) {
            position++;
        }
        return token;
    }

    boolean takeOperator(String operator) {
        boolean found = peek().isOperator(operator);
        if (found) {
            position++;
        }
        return found;
    }

    boolean takeName(String name) {
        boolean found = peek().isName(name);
        if (found) {
            position++;
        }
        return found;
    }

    Token expect(Token.Type type, String what) throws TemplateException {
        if (!peek().is(type)) {
            throw unexpected(what);
        }
        return next();
    }

    void expectOperator(String operator) throws TemplateException {
        if (!takeOperator(operator)) {
            throw unexpected("'" + operator + "'");
        }
    }

    TemplateException unexpected(String wanted) {
        return new TemplateException("Expected " + wanted + ", found " + peek().description()).at(peek().line());
    }

    void enter() throws TemplateException {
        if (nesting == MAX_NESTING) {
            throw new TemplateException("The template is nested more than " + MAX_NESTING + " levels deep")
                    .at(peek().line());
        }
        nesting++;
    }

    void exit() {
        nesting--;
    }
}
