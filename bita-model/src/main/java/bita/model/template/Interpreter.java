package bita.model.template;

import bita.model.template.Statement.Branch;
import bita.model.template.Statement.Parameter;
import bita.model.template.Statement.Target;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One rendering of a template. */
final class Interpreter {
    /** How a statement ends. */
    private enum Flow {
        NEXT,
        BREAK,
        CONTINUE
    }

    private static final Map<String, Value> GLOBALS = Map.of(
            "range", Value.Function.RANGE,
            "namespace", Value.Function.NAMESPACE,
            "dict", Value.Function.DICT,
            "raise_exception", Value.Function.RAISE_EXCEPTION,
            "strftime_now", Value.Function.STRFTIME_NOW);

    private final Clock clock;
    private final Budget budget = new Budget();
    private final Evaluator evaluator = new Evaluator(budget, this::call);
    private TextBuilder output = new TextBuilder(budget);

    Interpreter(Clock clock) {
        this.clock = clock;
    }

    String render(List<Statement> body, Map<String, ?> variables) throws TemplateException {
        Scope globals = Scope.root();
        GLOBALS.forEach(globals::set);
        new Variables(budget).define(variables, globals);
        run(body, globals.inner());
        return output.toString();
    }

    private Flow run(List<Statement> body, Scope scope) throws TemplateException {
        for (Statement statement : body) {
            Flow flow;
            budget.enter();
            try {
                flow = run(statement, scope);
            } catch (TemplateException e) {
                throw e.at(statement.line());
            }
            budget.exit();
            if (flow != Flow.NEXT) {
                return flow;
            }
        }
        return Flow.NEXT;
    }

    private Flow run(Statement statement, Scope scope) throws TemplateException {
        switch (statement) {
            case Statement.Text text -> output.append(text.text());
            case Statement.Output print -> output.append(evaluator.print(print.value(), scope));
            case Statement.If choice -> {
                return choose(choice, scope);
            }
            case Statement.For loop -> {
                return loop(loop, scope);
            }
            case Statement.Set set -> assign(set.target(), evaluator.evaluate(set.value(), scope), scope);
            case Statement.SetBlock set -> {
                Value captured = new Value.Str(capture(set.body(), scope.inner()));
                assign(set.target(), evaluator.filter(captured, set.filters(), scope), scope);
            }
            case Statement.Macro macro ->
                scope.set(macro.name(), new Value.Macro(macro.name(), macro.signature(), scope));
            case Statement.CallBlock block -> output.append(call(block, scope));
            case Statement.FilterBlock block -> {
                Value captured = new Value.Str(capture(block.body(), scope.inner()));
                output.append(evaluator.str(evaluator.filter(captured, block.filters(), scope)));
            }
            case Statement.With with -> {
                Scope inner = scope.inner();
                for (Statement.Set set : with.assignments()) {
                    assign(set.target(), evaluator.evaluate(set.value(), scope), inner);
                }
                return run(with.body(), inner);
            }
            case Statement.Break _ -> {
                return Flow.BREAK;
            }
            case Statement.Continue _ -> {
                return Flow.CONTINUE;
            }
        }
        return Flow.NEXT;
    }

    private Flow choose(Statement.If choice, Scope scope) throws TemplateException {
        for (Branch branch : choice.branches()) {
            if (evaluator.isTrue(branch.condition(), scope)) {
                return run(branch.body(), scope);
            }
        }
        return run(choice.otherwise(), scope);
    }

    private Flow loop(Statement.For loop, Scope scope) throws TemplateException {
        List<Value> items = evaluator.iterate(evaluator.evaluate(loop.iterable(), scope));
        if (loop.condition().isPresent()) {
            List<Value> kept = new ArrayList<>();
            for (Value item : items) {
                budget.elements(1);
                Scope inner = scope.inner();
                assign(loop.target(), item, inner);
                if (evaluator.isTrue(loop.condition().get(), inner)) {
                    kept.add(item);
                }
            }
            items = kept;
        }
        if (items.isEmpty()) {
            return run(loop.otherwise(), scope.inner());
        }
        Scope outer = scope.innerLoop();
        Value.Loop state = new Value.Loop(items, outer.loops());
        for (Value item : items) {
            budget.work(1);
            Scope inner = outer.inner();
            inner.set("loop", state);
            assign(loop.target(), item, inner);
            if (run(loop.body(), inner) == Flow.BREAK) {
                break;
            }
            state.index++;
        }
        return Flow.NEXT;
    }

    private String capture(List<Statement> body, Scope scope) throws TemplateException {
        TextBuilder outer = output;
        output = new TextBuilder(budget);
        run(body, scope);
        String captured = output.toString();
        output = outer;
        return captured;
    }

    private void assign(Target target, Value value, Scope scope) throws TemplateException {
        switch (target) {
            case Target.Variable(String name) -> scope.set(name, value);
            case Target.Member(String namespace, String name) -> {
                if (!(scope.get(namespace) instanceof Value.Namespace(Map<String, Value> members))) {
                    throw new TemplateException(
                            "'" + namespace + "' is no namespace, so that '" + name + "' cannot be set in it");
                }
                members.put(name, value);
            }
            case Target.Tuple(List<Target> targets) -> {
                List<Value> values = evaluator.iterate(value);
                if (values.size() != targets.size()) {
                    throw new TemplateException(
                            values.size() + " values cannot be assigned to " + targets.size() + " variables");
                }
                for (int i = 0; i < values.size(); i++) {
                    assign(targets.get(i), values.get(i), scope);
                }
            }
        }
    }

    private String call(Statement.CallBlock block, Scope scope) throws TemplateException {
        Value callee = evaluator.evaluate(block.call().callee(), scope);
        Arguments arguments = evaluator.arguments(block.call().arguments(), scope);
        Map<String, Value> named = new LinkedHashMap<>(arguments.named());
        named.put("caller", new Value.Macro("caller", block.caller(), scope));
        return evaluator.str(call(callee, new Arguments(arguments.positional(), named)));
    }

    private Value call(Value callee, Arguments arguments) throws TemplateException {
        return switch (callee) {
            case Value.Macro macro -> new Value.Str(callMacro(macro, arguments));
            case Value.Function function -> callFunction(function, arguments);
            case Value.Undefined(String problem) -> throw new TemplateException(problem);
            default -> throw new TemplateException("A " + callee.kindName() + " cannot be called");
        };
    }

    private String callMacro(Value.Macro macro, Arguments arguments) throws TemplateException {
        List<Parameter> parameters = macro.signature().parameters();
        Scope scope = macro.scope().inner();
        int given = Math.min(arguments.positional().size(), parameters.size());
        Map<String, Value> named = new LinkedHashMap<>(arguments.named());
        for (int i = 0; i < parameters.size(); i++) {
            Parameter parameter = parameters.get(i);
            Optional<Value> byName = Optional.ofNullable(named.remove(parameter.name()));
            if (i < given && byName.isPresent()) {
                throw new TemplateException(
                        "The macro '" + macro.name() + "' is given '" + parameter.name() + "' twice");
            }
            if (i < given) {
                scope.set(parameter.name(), arguments.positional().get(i));
            } else if (byName.isPresent()) {
                scope.set(parameter.name(), byName.get());
            } else {
                scope.set(parameter.name(), fallback(parameter, scope));
            }
        }
        Optional<Value> caller = Optional.ofNullable(named.remove("caller"));
        scope.set(
                "caller",
                caller.orElse(new Value.Undefined("The macro '" + macro.name() + "' was called without a body")));
        if (!named.isEmpty() || given < arguments.positional().size()) {
            throw new TemplateException("The macro '" + macro.name() + "' takes only the arguments "
                    + parameters.stream().map(Parameter::name).toList());
        }
        return capture(macro.signature().body(), scope);
    }

    private Value fallback(Parameter parameter, Scope scope) throws TemplateException {
        return parameter.fallback().isPresent()
                ? evaluator.evaluate(parameter.fallback().get(), scope)
                : new Value.Undefined("The parameter '" + parameter.name() + "' was not given");
    }

    private Value callFunction(Value.Function function, Arguments arguments) throws TemplateException {
        return switch (function) {
            case RANGE -> range(arguments);
            case NAMESPACE -> {
                Map<String, Value> members = new LinkedHashMap<>();
                entries("namespace", arguments).forEach((key, value) -> {
                    if (key instanceof Value.Str(String name, boolean _)) {
                        members.put(name, value);
                    }
                });
                yield new Value.Namespace(members);
            }
            case DICT -> new Value.Dict(entries("dict", arguments));
            case RAISE_EXCEPTION ->
                throw new TemplateException("The template refuses its input: "
                        + evaluator.str(
                                arguments.bind("raise_exception", "message").required(0)));
            case STRFTIME_NOW -> {
                String format = arguments.bind("strftime_now", "format").requiredText(0);
                budget.text(format.length());
                yield new Value.Str(Strftime.format(format, ZonedDateTime.now(clock)));
            }
        };
    }

    /** The entries of a dict, if one is given, and after them the named arguments. */
    private Map<Value, Value> entries(String function, Arguments arguments) throws TemplateException {
        Map<Value, Value> entries = new LinkedHashMap<>();
        Optional<Value> first = new Arguments(arguments.positional(), Map.of())
                .bind(function, "mapping")
                .value(0);
        if (first.isPresent()) {
            if (!(first.get() instanceof Value.Dict(Map<Value, Value> given))) {
                throw new TemplateException(
                        "'" + function + "' needs a dict, not a " + first.get().kindName());
            }
            budget.elements(2L * given.size());
            entries.putAll(given);
        }
        budget.elements(2L * arguments.named().size());
        arguments.named().forEach((name, value) -> entries.put(new Value.Str(name), value));
        return entries;
    }

    private Value range(Arguments arguments) throws TemplateException {
        Arguments.Bound bound = arguments.bind("range", "start", "stop", "step");
        bound.required(0);
        boolean one = bound.value(1).isEmpty();
        long start = one ? 0 : bound.integer(0, 0);
        long stop = bound.integer(one ? 0 : 1, 0);
        long step = bound.integer(2, 1);
        if (step == 0) {
            throw new TemplateException("The step of 'range' is zero");
        }
        List<Value> items = new ArrayList<>();
        for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
            budget.elements(1);
            items.add(new Value.Int(i));
            if (step > 0 ? i > Long.MAX_VALUE - step : i < Long.MIN_VALUE - step) {
                break;
            }
        }
        return new Value.Seq(Value.Kind.RANGE, items);
    }
}
