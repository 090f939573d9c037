package bita.model.template;

import bita.model.template.Expression.BinaryOperator;
import bita.model.template.Expression.CallArguments;
import bita.model.template.Expression.Comparison;
import bita.model.template.Expression.ComparisonOperator;
import bita.model.template.Expression.FilterCall;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Parses expressions by recursive descent, one method per level of precedence as in Jinja2's own parser. */
final class ExpressionParser {
    /** Names that end an expression and so cannot begin a test's argument. */
    private static final Set<String> KEYWORDS = Set.of("and", "or", "not", "if", "else", "in", "is", "recursive");

    private final TokenStream tokens;

    ExpressionParser(TokenStream tokens) {
        this.tokens = tokens;
    }

    /** An expression, or several with commas between, which make a tuple. */
    Expression tuple() throws TemplateException {
        return tuple(true);
    }

    /** As {@link #tuple()}, but an {@code if} behind it does not belong to it. */
    Expression tupleWithoutCondition() throws TemplateException {
        return tuple(false);
    }

    private Expression tuple(boolean conditions) throws TemplateException {
        Expression first = conditions ? expression() : or();
        if (!tokens.peek().isOperator(",")) {
            return first;
        }
        List<Expression> items = new ArrayList<>();
        items.add(first);
        while (tokens.takeOperator(",") && !endsTuple()) {
            items.add(conditions ? expression() : or());
        }
        return new Expression.Sequence(Value.Kind.TUPLE, items);
    }

    private boolean endsTuple() {
        Token token = tokens.peek();
        return token.is(Token.Type.BLOCK_END) || token.is(Token.Type.OUTPUT_END) || token.isOperator(")");
    }

    /** One expression. */
    Expression expression() throws TemplateException {
        tokens.enter();
        Expression result = or();
        while (tokens.takeName("if")) {
            Expression condition = or();
            Optional<Expression> otherwise = tokens.takeName("else") ? Optional.of(expression()) : Optional.empty();
            result = new Expression.Conditional(condition, result, otherwise);
        }
        tokens.exit();
        return result;
    }

    private Expression or() throws TemplateException {
        Expression left = and();
        while (tokens.takeName("or")) {
            left = new Expression.Or(left, and());
        }
        return left;
    }

    private Expression and() throws TemplateException {
        Expression left = not();
        while (tokens.takeName("and")) {
            left = new Expression.And(left, not());
        }
        return left;
    }

    private Expression not() throws TemplateException {
        if (!tokens.takeName("not")) {
            return comparison();
        }
        tokens.enter();
        Expression operand = not();
        tokens.exit();
        return new Expression.Not(operand);
    }

    private Expression comparison() throws TemplateException {
        Expression first = sum();
        List<Comparison> rest = new ArrayList<>();
        for (Optional<ComparisonOperator> operator = comparisonOperator();
                operator.isPresent();
                operator = comparisonOperator()) {
            rest.add(new Comparison(operator.get(), sum()));
        }
        return rest.isEmpty() ? first : new Expression.Compare(first, rest);
    }

    private Optional<ComparisonOperator> comparisonOperator() {
        if (tokens.takeName("in")) {
            return Optional.of(ComparisonOperator.IN);
        }
        if (tokens.peek().isName("not") && tokens.peekSecond().isName("in")) {
            tokens.next();
            tokens.next();
            return Optional.of(ComparisonOperator.NOT_IN);
        }
        for (ComparisonOperator operator : ComparisonOperator.values()) {
            if (tokens.takeOperator(operator.symbol)) {
                return Optional.of(operator);
            }
        }
        return Optional.empty();
    }

    private Expression sum() throws TemplateException {
        Expression left = concatenation();
        while (true) {
            if (tokens.takeOperator("+")) {
                left = new Expression.Binary(BinaryOperator.ADD, left, concatenation());
            } else if (tokens.takeOperator("-")) {
                left = new Expression.Binary(BinaryOperator.SUBTRACT, left, concatenation());
            } else {
                return left;
            }
        }
    }

    private Expression concatenation() throws TemplateException {
        Expression first = product();
        if (!tokens.peek().isOperator("~")) {
            return first;
        }
        List<Expression> parts = new ArrayList<>();
        parts.add(first);
        while (tokens.takeOperator("~")) {
            parts.add(product());
        }
        return new Expression.Concat(parts);
    }

    private Expression product() throws TemplateException {
        Expression left = power();
        while (true) {
            BinaryOperator operator;
            if (tokens.takeOperator("*")) {
                operator = BinaryOperator.MULTIPLY;
            } else if (tokens.takeOperator("/")) {
                operator = BinaryOperator.DIVIDE;
            } else if (tokens.takeOperator("//")) {
                operator = BinaryOperator.FLOOR_DIVIDE;
            } else if (tokens.takeOperator("%")) {
                operator = BinaryOperator.MODULO;
            } else {
                return left;
            }
            left = new Expression.Binary(operator, left, power());
        }
    }

    private Expression power() throws TemplateException {
        Expression left = unary(true);
        while (tokens.takeOperator("**")) {
            left = new Expression.Binary(BinaryOperator.POWER, left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean filters) throws TemplateException {
        boolean negative = tokens.peek().isOperator("-");
        Expression result;
        if (negative || tokens.peek().isOperator("+")) {
            tokens.next();
            tokens.enter();
            result = new Expression.Sign(negative, unary(false));
            tokens.exit();
        } else {
            result = primary();
        }
        result = postfix(result);
        return filters ? filtersAndTests(result) : result;
    }

    private Expression primary() throws TemplateException {
        Token token = tokens.next();
        return switch (token.type()) {
            case NAME -> name(token);
            case STRING -> adjacentStrings(token);
            case INTEGER -> integer(token);
            case FLOAT -> new Expression.Literal(new Value.Real(Double.parseDouble(token.text())));
            case OPERATOR -> bracket(token);
            default ->
                throw new TemplateException("Expected an expression, found " + token.description()).at(token.line());
        };
    }

    private static Expression name(Token token) throws TemplateException {
        return switch (token.text()) {
            case "true", "True" -> new Expression.Literal(Value.Bool.TRUE);
            case "false", "False" -> new Expression.Literal(Value.Bool.FALSE);
            case "none", "None" -> new Expression.Literal(Value.None.NONE);
            case "and", "or", "not", "if", "else", "in", "is" ->
                throw new TemplateException("Expected an expression, found " + token.description()).at(token.line());
            default -> new Expression.Name(token.text());
        };
    }

    private Expression adjacentStrings(Token first) {
        if (!tokens.peek().is(Token.Type.STRING)) {
            return new Expression.Literal(new Value.Str(first.text()));
        }
        StringBuilder text = new StringBuilder(first.text());
        while (tokens.peek().is(Token.Type.STRING)) {
            text.append(tokens.next().text());
        }
        return new Expression.Literal(new Value.Str(text.toString()));
    }

    private static Expression integer(Token token) throws TemplateException {
        try {
            return new Expression.Literal(new Value.Int(Long.parseLong(token.text())));
        } catch (NumberFormatException e) {
            throw new TemplateException("The whole number " + token.description() + " has more than 64 bits")
                    .at(token.line());
        }
    }

    private Expression bracket(Token token) throws TemplateException {
        return switch (token.text()) {
            case "(" -> parenthesized();
            case "[" -> list();
            case "{" -> dict();
            default ->
                throw new TemplateException("Expected an expression, found " + token.description()).at(token.line());
        };
    }

    private Expression parenthesized() throws TemplateException {
        if (tokens.takeOperator(")")) {
            return new Expression.Sequence(Value.Kind.TUPLE, List.of());
        }
        Expression result = tuple();
        tokens.expectOperator(")");
        return result;
    }

    private Expression list() throws TemplateException {
        List<Expression> items = new ArrayList<>();
        while (!tokens.takeOperator("]")) {
            if (!items.isEmpty()) {
                tokens.expectOperator(",");
                if (tokens.takeOperator("]")) {
                    break;
                }
            }
            items.add(expression());
        }
        return new Expression.Sequence(Value.Kind.LIST, items);
    }

    private Expression dict() throws TemplateException {
        List<Expression.Entry> entries = new ArrayList<>();
        while (!tokens.takeOperator("}")) {
            if (!entries.isEmpty()) {
                tokens.expectOperator(",");
                if (tokens.takeOperator("}")) {
                    break;
                }
            }
            Expression key = expression();
            tokens.expectOperator(":");
            entries.add(new Expression.Entry(key, expression()));
        }
        return new Expression.Dict(entries);
    }

    private Expression postfix(Expression target) throws TemplateException {
        Expression result = target;
        while (true) {
            if (tokens.takeOperator(".")) {
                result = member(result);
            } else if (tokens.takeOperator("[")) {
                result = subscript(result);
            } else if (tokens.peek().isOperator("(")) {
                result = new Expression.Call(result, arguments());
            } else {
                return result;
            }
        }
    }

    private Expression member(Expression target) throws TemplateException {
        if (tokens.peek().is(Token.Type.INTEGER)) {
            return new Expression.Item(target, integer(tokens.next()));
        }
        return new Expression.Attribute(
                target, tokens.expect(Token.Type.NAME, "a name after '.'").text());
    }

    private Expression subscript(Expression target) throws TemplateException {
        Optional<Expression> start = Optional.empty();
        if (!tokens.peek().isOperator(":")) {
            Expression index = tuple();
            if (tokens.takeOperator("]")) {
                return new Expression.Item(target, index);
            }
            start = Optional.of(index);
        }
        tokens.expectOperator(":");
        Optional<Expression> stop = sliceBound();
        Optional<Expression> step = tokens.takeOperator(":") ? sliceBound() : Optional.empty();
        tokens.expectOperator("]");
        return new Expression.Slice(target, start, stop, step);
    }

    private Optional<Expression> sliceBound() throws TemplateException {
        boolean absent = tokens.peek().isOperator(":") || tokens.peek().isOperator("]");
        return absent ? Optional.empty() : Optional.of(expression());
    }

    private Expression filtersAndTests(Expression target) throws TemplateException {
        Expression result = target;
        while (true) {
            if (tokens.takeOperator("|")) {
                result = new Expression.Filter(result, filter());
            } else if (tokens.takeName("is")) {
                result = test(result);
            } else if (tokens.peek().isOperator("(")) {
                result = new Expression.Call(result, arguments());
            } else {
                return result;
            }
        }
    }

    /** A filter's name and arguments. */
    FilterCall filter() throws TemplateException {
        String name = dottedName("the name of a filter");
        return new FilterCall(name, tokens.peek().isOperator("(") ? arguments() : CallArguments.NONE);
    }

    private String dottedName(String what) throws TemplateException {
        StringBuilder name =
                new StringBuilder(tokens.expect(Token.Type.NAME, what).text());
        while (tokens.takeOperator(".")) {
            name.append('.').append(tokens.expect(Token.Type.NAME, what).text());
        }
        return name.toString();
    }

    private Expression test(Expression target) throws TemplateException {
        boolean negated = tokens.takeName("not");
        String name = dottedName("the name of a test");
        CallArguments arguments = CallArguments.NONE;
        if (tokens.peek().isOperator("(")) {
            arguments = arguments();
        } else if (beginsTestArgument()) {
            tokens.enter();
            arguments = new CallArguments(List.of(postfix(primary())), Map.of());
            tokens.exit();
        }
        Expression test = new Expression.Test(target, name, arguments);
        return negated ? new Expression.Not(test) : test;
    }

    private boolean beginsTestArgument() {
        Token token = tokens.peek();
        return switch (token.type()) {
            case NAME -> !KEYWORDS.contains(token.text());
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> token.isOperator("[") || token.isOperator("{");
            default -> false;
        };
    }

    /** Arguments in parentheses. */
    CallArguments arguments() throws TemplateException {
        tokens.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        while (!tokens.takeOperator(")")) {
            if (!positional.isEmpty() || !named.isEmpty()) {
                tokens.expectOperator(",");
                if (tokens.takeOperator(")")) {
                    break;
                }
            }
            if (tokens.peek().is(Token.Type.NAME) && tokens.peekSecond().isOperator("=")) {
                Token name = tokens.next();
                tokens.next();
                if (named.put(name.text(), expression()) != null) {
                    throw new TemplateException("The argument '" + name.text() + "' is given twice").at(name.line());
                }
            } else if (!named.isEmpty()) {
                throw tokens.unexpected("a named argument after the first named argument");
            } else {
                positional.add(expression());
            }
        }
        return new CallArguments(positional, named);
    }
}
