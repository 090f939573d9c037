package bita.model.template;

import bita.model.template.Expression.FilterCall;
import bita.model.template.Statement.Branch;
import bita.model.template.Statement.Parameter;
import bita.model.template.Statement.Signature;
import bita.model.template.Statement.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Parses a template's statements. */
final class Parser {
    private static final Set<String> RESERVED =
            Set.of("true", "True", "false", "False", "none", "None", "and", "or", "not", "if", "else", "in", "is");

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private int loops;

    Parser(List<Token> tokens) {
        this.tokens = new TokenStream(tokens);
        this.expressions = new ExpressionParser(this.tokens);
    }

    /** The whole template. */
    List<Statement> template() throws TemplateException {
        return body(Set.of(), 0);
    }

    /** Statements up to a tag with one of the names, whose name is the next token; no names: up to the end. */
    private List<Statement> body(Set<String> ends, int openLine) throws TemplateException {
        tokens.enter();
        List<Statement> result = new ArrayList<>();
        while (true) {
            Token token = tokens.next();
            switch (token.type()) {
                case TEXT -> result.add(new Statement.Text(token.text(), token.line()));
                case OUTPUT_BEGIN -> {
                    result.add(new Statement.Output(expressions.tuple(), token.line()));
                    tokens.expect(Token.Type.OUTPUT_END, "'}}'");
                }
                case BLOCK_BEGIN -> {
                    if (tokens.peek().is(Token.Type.NAME)
                            && ends.contains(tokens.peek().text())) {
                        tokens.exit();
                        return List.copyOf(result);
                    }
                    result.add(statement());
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw new TemplateException("The block is not closed").at(openLine);
                    }
                    tokens.exit();
                    return List.copyOf(result);
                }
            }
        }
    }

    private Statement statement() throws TemplateException {
        Token tag = tokens.expect(Token.Type.NAME, "the name of a tag");
        int line = tag.line();
        return switch (tag.text()) {
            case "if" -> conditional(line);
            case "for" -> loop(line);
            case "set" -> set(line);
            case "macro" -> macro(line);
            case "call" -> call(line);
            case "filter" -> {
                List<FilterCall> filters = new ArrayList<>(List.of(expressions.filter()));
                filters.addAll(filters());
                endTag();
                yield new Statement.FilterBlock(List.copyOf(filters), separateBody("endfilter", line), line);
            }
            case "with" -> with(line);
            case "generation" -> {
                endTag();
                yield new Statement.With(List.of(), closedBody("endgeneration", line), line);
            }
            case "break" -> {
                endLoopTag(tag);
                yield new Statement.Break(line);
            }
            case "continue" -> {
                endLoopTag(tag);
                yield new Statement.Continue(line);
            }
            default -> throw new TemplateException("Unknown tag '" + tag.text() + "'").at(line);
        };
    }

    private void endLoopTag(Token tag) throws TemplateException {
        if (loops == 0) {
            throw new TemplateException("'" + tag.text() + "' stands outside a loop").at(tag.line());
        }
        endTag();
    }

    private void endTag() throws TemplateException {
        tokens.expect(Token.Type.BLOCK_END, "'%}'");
    }

    private List<Statement> closedBody(String end, int line) throws TemplateException {
        List<Statement> result = body(Set.of(end), line);
        tokens.next();
        endTag();
        return result;
    }

    /** A body that runs apart from the loop around it, which it can therefore not leave. */
    private List<Statement> separateBody(String end, int line) throws TemplateException {
        int around = loops;
        loops = 0;
        List<Statement> result = closedBody(end, line);
        loops = around;
        return result;
    }

    private Statement conditional(int line) throws TemplateException {
        List<Branch> branches = new ArrayList<>();
        while (true) {
            Expression condition = expressions.tuple();
            endTag();
            branches.add(new Branch(condition, body(Set.of("elif", "else", "endif"), line)));
            String next = tokens.next().text();
            if (next.equals("elif")) {
                continue;
            }
            endTag();
            List<Statement> otherwise = next.equals("else") ? closedBody("endif", line) : List.of();
            return new Statement.If(List.copyOf(branches), otherwise, line);
        }
    }

    private Statement loop(int line) throws TemplateException {
        Target target = targets();
        if (!tokens.takeName("in")) {
            throw tokens.unexpected("'in'");
        }
        Expression iterable = expressions.tupleWithoutCondition();
        Optional<Expression> condition =
                tokens.takeName("if") ? Optional.of(expressions.expression()) : Optional.empty();
        if (tokens.peek().isName("recursive")) {
            throw new TemplateException("Recursive loops are not supported; use a macro").at(line);
        }
        endTag();
        loops++;
        List<Statement> body = body(Set.of("else", "endfor"), line);
        loops--;
        boolean hasElse = tokens.next().text().equals("else");
        endTag();
        List<Statement> otherwise = hasElse ? closedBody("endfor", line) : List.of();
        return new Statement.For(target, iterable, condition, body, otherwise, line);
    }

    private Statement set(int line) throws TemplateException {
        Target target = targets();
        if (tokens.takeOperator("=")) {
            Expression value = expressions.tuple();
            endTag();
            return new Statement.Set(target, value, line);
        }
        List<FilterCall> filters = filters();
        endTag();
        return new Statement.SetBlock(target, filters, separateBody("endset", line), line);
    }

    private List<FilterCall> filters() throws TemplateException {
        List<FilterCall> result = new ArrayList<>();
        while (tokens.takeOperator("|")) {
            result.add(expressions.filter());
        }
        return List.copyOf(result);
    }

    /** One target, or several with commas between. */
    private Target targets() throws TemplateException {
        Target first = target();
        if (!tokens.peek().isOperator(",")) {
            return first;
        }
        List<Target> all = new ArrayList<>();
        all.add(first);
        while (tokens.takeOperator(",")
                && ((tokens.peek().is(Token.Type.NAME) && !tokens.peek().isName("in"))
                        || tokens.peek().isOperator("("))) {
            all.add(target());
        }
        return new Target.Tuple(List.copyOf(all));
    }

    private Target target() throws TemplateException {
        if (tokens.takeOperator("(")) {
            tokens.enter();
            Target inner = targets();
            tokens.exit();
            tokens.expectOperator(")");
            return inner;
        }
        String name = variable();
        if (tokens.takeOperator(".")) {
            return new Target.Member(
                    name, tokens.expect(Token.Type.NAME, "a name after '.'").text());
        }
        return new Target.Variable(name);
    }

    private String variable() throws TemplateException {
        Token token = tokens.expect(Token.Type.NAME, "the name of a variable");
        if (RESERVED.contains(token.text())) {
            throw new TemplateException("'" + token.text() + "' cannot be a variable").at(token.line());
        }
        return token.text();
    }

    private Statement macro(int line) throws TemplateException {
        String name = variable();
        List<Parameter> parameters = parameters();
        endTag();
        return new Statement.Macro(name, new Signature(parameters, separateBody("endmacro", line)), line);
    }

    private List<Parameter> parameters() throws TemplateException {
        List<Parameter> result = new ArrayList<>();
        tokens.expectOperator("(");
        while (!tokens.takeOperator(")")) {
            if (!result.isEmpty()) {
                tokens.expectOperator(",");
                if (tokens.takeOperator(")")) {
                    break;
                }
            }
            String name = variable();
            Optional<Expression> fallback =
                    tokens.takeOperator("=") ? Optional.of(expressions.expression()) : Optional.empty();
            if (fallback.isEmpty()
                    && !result.isEmpty()
                    && result.getLast().fallback().isPresent()) {
                throw tokens.unexpected("a default for '" + name + "', as the parameter before it has one");
            }
            result.add(new Parameter(name, fallback));
        }
        return List.copyOf(result);
    }

    private Statement call(int line) throws TemplateException {
        List<Parameter> parameters = tokens.peek().isOperator("(") ? parameters() : List.of();
        Expression expression = expressions.expression();
        if (!(expression instanceof Expression.Call call)) {
            throw new TemplateException("A call block needs a call, such as 'call name()'").at(line);
        }
        endTag();
        return new Statement.CallBlock(call, new Signature(parameters, separateBody("endcall", line)), line);
    }

    private Statement with(int line) throws TemplateException {
        List<Statement.Set> assignments = new ArrayList<>();
        while (!tokens.peek().is(Token.Type.BLOCK_END)) {
            if (!assignments.isEmpty()) {
                tokens.expectOperator(",");
            }
            Target target = target();
            tokens.expectOperator("=");
            assignments.add(new Statement.Set(target, expressions.expression(), line));
        }
        endTag();
        return new Statement.With(List.copyOf(assignments), closedBody("endwith", line), line);
    }
}
