package bita.model.template;

import bita.model.template.Expression.CallArguments;
import bita.model.template.Expression.Comparison;
import bita.model.template.Expression.FilterCall;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Computes the values of expressions. */
final class Evaluator {
    /** Runs what is called. */
    interface Caller {
        Value call(Value callee, Arguments arguments) throws TemplateException;
    }

    private final Budget budget;
    private final Caller caller;
    private final PythonText text;
    private final Operators operators;
    private final Methods methods;
    private final Predicates predicates;
    private final Filters filters;

    Evaluator(Budget budget, Caller caller) {
        this.budget = budget;
        this.caller = caller;
        this.text = new PythonText(budget);
        this.operators = new Operators(budget, text);
        this.methods = new Methods(budget, operators, text);
        this.predicates = new Predicates(operators);
        this.filters = new Filters(budget, operators, text, methods, predicates);
    }

    Value evaluate(Expression expression, Scope scope) throws TemplateException {
        budget.enter();
        Value result = switch (expression) {
            case Expression.Literal(Value value) -> value;
            case Expression.Name(String name) -> scope.get(name);
            case Expression.Attribute(Expression target, String name) ->
                methods.attribute(evaluate(target, scope), name);
            case Expression.Item(Expression target, Expression index) ->
                methods.item(evaluate(target, scope), evaluate(index, scope));
            case Expression.Slice slice -> slice(slice, scope);
            case Expression.Call(Expression callee, CallArguments arguments) ->
                call(evaluate(callee, scope), arguments(arguments, scope));
            case Expression.Filter(Expression target, FilterCall call) -> filter(evaluate(target, scope), call, scope);
            case Expression.Test(Expression target, String name, CallArguments arguments) ->
                Value.Bool.of(predicates.test(name, evaluate(target, scope), arguments(arguments, scope)));
            case Expression.Not(Expression operand) -> Value.Bool.of(!isTrue(operand, scope));
            case Expression.Sign(boolean negative, Expression operand) ->
                operators.sign(negative, evaluate(operand, scope));
            case Expression.Binary binary ->
                operators.binary(binary.operator(), evaluate(binary.left(), scope), evaluate(binary.right(), scope));
            case Expression.And(Expression left, Expression right) -> {
                Value value = evaluate(left, scope);
                yield Operators.isTrue(value) ? evaluate(right, scope) : value;
            }
            case Expression.Or(Expression left, Expression right) -> {
                Value value = evaluate(left, scope);
                yield Operators.isTrue(value) ? value : evaluate(right, scope);
            }
            case Expression.Compare compare -> compare(compare, scope);
            case Expression.Concat(List<Expression> parts) -> {
                TextBuilder joined = new TextBuilder(budget);
                for (Expression part : parts) {
                    joined.append(text.str(evaluate(part, scope)));
                }
                yield new Value.Str(joined.toString());
            }
            case Expression.Conditional(Expression condition, Expression then, Optional<Expression> otherwise) -> {
                if (isTrue(condition, scope)) {
                    yield evaluate(then, scope);
                }
                yield otherwise.isPresent()
                        ? evaluate(otherwise.get(), scope)
                        : new Value.Undefined("The inline 'if' is false and has no 'else'");
            }
            case Expression.Sequence(Value.Kind kind, List<Expression> items) ->
                new Value.Seq(kind, evaluate(items, scope));
            case Expression.Dict(List<Expression.Entry> entries) -> dict(entries, scope);
        };
        budget.exit();
        return result;
    }

    private List<Value> evaluate(List<Expression> expressions, Scope scope) throws TemplateException {
        budget.elements(expressions.size());
        List<Value> values = new ArrayList<>(expressions.size());
        for (Expression expression : expressions) {
            values.add(evaluate(expression, scope));
        }
        return values;
    }

    boolean isTrue(Expression expression, Scope scope) throws TemplateException {
        return Operators.isTrue(evaluate(expression, scope));
    }

    /** What the expression prints. */
    String print(Expression expression, Scope scope) throws TemplateException {
        return text.str(evaluate(expression, scope));
    }

    String str(Value value) throws TemplateException {
        return text.str(value);
    }

    List<Value> iterate(Value value) throws TemplateException {
        return operators.iterate(value);
    }

    /** A value after filters, the first one first. */
    Value filter(Value value, List<FilterCall> calls, Scope scope) throws TemplateException {
        Value result = value;
        for (FilterCall call : calls) {
            result = filter(result, call, scope);
        }
        return result;
    }

    private Value filter(Value value, FilterCall call, Scope scope) throws TemplateException {
        return filters.apply(call.name(), value, arguments(call.arguments(), scope));
    }

    Arguments arguments(CallArguments arguments, Scope scope) throws TemplateException {
        if (arguments.positional().isEmpty() && arguments.named().isEmpty()) {
            return Arguments.NONE;
        }
        Map<String, Value> named = new LinkedHashMap<>();
        for (Map.Entry<String, Expression> entry : arguments.named().entrySet()) {
            named.put(entry.getKey(), evaluate(entry.getValue(), scope));
        }
        return new Arguments(evaluate(arguments.positional(), scope), named);
    }

    private Value call(Value callee, Arguments arguments) throws TemplateException {
        return callee instanceof Value.Method method ? methods.call(method, arguments) : caller.call(callee, arguments);
    }

    private Value slice(Expression.Slice slice, Scope scope) throws TemplateException {
        Value target = evaluate(slice.target(), scope);
        return operators.slice(
                target, bound(slice.start(), scope), bound(slice.stop(), scope), bound(slice.step(), scope));
    }

    private Value bound(Optional<Expression> expression, Scope scope) throws TemplateException {
        return expression.isPresent() ? evaluate(expression.get(), scope) : Value.None.NONE;
    }

    private Value compare(Expression.Compare compare, Scope scope) throws TemplateException {
        Value left = evaluate(compare.first(), scope);
        for (Comparison comparison : compare.rest()) {
            Value right = evaluate(comparison.right(), scope);
            if (!operators.compare(comparison.operator(), left, right)) {
                return Value.Bool.FALSE;
            }
            left = right;
        }
        return Value.Bool.TRUE;
    }

    private Value dict(List<Expression.Entry> entries, Scope scope) throws TemplateException {
        budget.elements(2L * entries.size());
        Map<Value, Value> result = new LinkedHashMap<>();
        for (Expression.Entry entry : entries) {
            Value key = Operators.key(evaluate(entry.key(), scope));
            result.put(key, evaluate(entry.value(), scope));
        }
        return new Value.Dict(result);
    }
}
