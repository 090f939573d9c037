package bita.model.template;

import bita.model.template.Arguments.Bound;
import bita.model.template.Value.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The filters that take a collection. */
final class CollectionFilters {
    private final Budget budget;
    private final Operators operators;
    private final Methods methods;
    private final Predicates predicates;
    private final Filters filters;

    CollectionFilters(Budget budget, Operators operators, Methods methods, Predicates predicates, Filters filters) {
        this.budget = budget;
        this.operators = operators;
        this.methods = methods;
        this.predicates = predicates;
        this.filters = filters;
    }

    Value apply(String name, Value value, Arguments arguments) throws TemplateException {
        return switch (name) {
            case "length", "count" -> {
                arguments.bind(name);
                yield new Value.Int(length(value));
            }
            case "first", "last" -> end(name, value, arguments);
            case "list" -> {
                arguments.bind(name);
                yield Value.Seq.list(operators.iterate(value));
            }
            case "items" -> items(value, arguments.bind(name));
            case "join" -> join(value, arguments.bind(name, "d", "attribute"));
            case "reverse" -> reverse(value, arguments.bind(name));
            case "sort" -> {
                Bound bound = arguments.bind(name, "reverse", "case_sensitive", "attribute");
                Key key = new Key(bound.flag(1), bound.value(2));
                yield Value.Seq.list(sort(operators.iterate(value), key, bound.flag(0)));
            }
            case "dictsort" -> dictSort(value, arguments.bind(name, "case_sensitive", "by", "reverse"));
            case "unique" -> unique(value, arguments.bind(name, "case_sensitive", "attribute"));
            case "min", "max" -> extreme(name, value, arguments.bind(name, "case_sensitive", "attribute"));
            case "sum" -> sum(value, arguments.bind(name, "attribute", "start"));
            case "map" -> map(value, arguments);
            case "select", "reject" -> select(value, arguments, name.equals("select"), false);
            case "selectattr", "rejectattr" -> select(value, arguments, name.equals("selectattr"), true);
            case "attr" -> methods.attribute(value, arguments.bind(name, "name").requiredText(0));
            default -> throw new TemplateException("Unknown filter '" + name + "'");
        };
    }

    private long length(Value value) throws TemplateException {
        return switch (value) {
            case Value.Str(String text, boolean _) -> {
                budget.scan(text.length());
                yield text.codePointCount(0, text.length());
            }
            case Value.Seq(Kind kind, List<Value> items) when kind != Kind.GENERATOR -> items.size();
            case Value.Dict(Map<Value, Value> entries) -> entries.size();
            case Value.Undefined _ -> 0;
            default -> throw new TemplateException("A " + value.kindName() + " has no length");
        };
    }

    private Value end(String name, Value value, Arguments arguments) throws TemplateException {
        arguments.bind(name);
        List<Value> items = operators.iterate(value);
        if (items.isEmpty()) {
            return new Value.Undefined("There is no " + name + " item, as there is none at all");
        }
        return name.equals("first") ? items.getFirst() : items.getLast();
    }

    private Value items(Value value, Bound unused) throws TemplateException {
        return switch (value) {
            case Value.Dict dict -> Value.Seq.generator(methods.items(dict));
            case Value.Undefined _ -> Value.Seq.generator(List.of());
            default ->
                throw new TemplateException("'" + unused.function() + "' needs a dict, not a " + value.kindName());
        };
    }

    private Value join(Value value, Bound bound) throws TemplateException {
        List<Value> items = operators.iterate(value);
        Optional<Value> attribute = bound.value(1);
        if (attribute.isPresent()) {
            List<Value> members = new ArrayList<>();
            for (Value item : items) {
                members.add(member(item, attribute.get()));
            }
            items = members;
        }
        return new Value.Str(methods.join(bound.text(0).orElse(""), items, false));
    }

    private Value reverse(Value value, Bound unused) throws TemplateException {
        List<Value> items = new ArrayList<>(operators.iterate(value));
        budget.elements(items.size());
        Collections.reverse(items);
        return value instanceof Value.Str ? new Value.Str(methods.join("", items, true)) : Value.Seq.generator(items);
    }

    /** What items are compared by. */
    private record Key(boolean caseSensitive, Optional<Value> attribute) {}

    private Value key(Value item, Key key) throws TemplateException {
        Value member =
                key.attribute().isPresent() ? member(item, key.attribute().get()) : item;
        if (!key.caseSensitive() && member instanceof Value.Str(String text, boolean _)) {
            budget.text(text.length());
            return new Value.Str(text.toLowerCase(Locale.ROOT));
        }
        return member;
    }

    /** A member by an index or by names with dots between, as {@code attribute=} gives it. */
    private Value member(Value item, Value path) throws TemplateException {
        if (!(path instanceof Value.Str(String names, boolean _))) {
            return methods.item(item, path);
        }
        Value result = item;
        for (String name : names.split("\\.", -1)) {
            budget.work(1);
            boolean index = name.length() < 9 && name.matches("\\d+");
            result = methods.item(result, index ? new Value.Int(Long.parseLong(name)) : new Value.Str(name));
        }
        return result;
    }

    private record Keyed(Value key, Value item) {}

    private List<Value> sort(List<Value> items, Key key, boolean descending) throws TemplateException {
        List<Keyed> keyed = new ArrayList<>();
        for (Value item : items) {
            budget.elements(2);
            keyed.add(new Keyed(key(item, key), item));
        }
        List<Value> result = new ArrayList<>();
        for (Keyed entry : mergeSort(keyed, descending)) {
            result.add(entry.item());
        }
        return result;
    }

    /** Stable; written out because a comparison can fail, which a comparator cannot say. */
    private List<Keyed> mergeSort(List<Keyed> items, boolean descending) throws TemplateException {
        if (items.size() < 2) {
            return items;
        }
        budget.work(items.size());
        List<Keyed> left = mergeSort(items.subList(0, items.size() / 2), descending);
        List<Keyed> right = mergeSort(items.subList(items.size() / 2, items.size()), descending);
        List<Keyed> merged = new ArrayList<>(items.size());
        int i = 0;
        int j = 0;
        while (i < left.size() && j < right.size()) {
            int order = operators.order(right.get(j).key(), left.get(i).key());
            boolean takesRight = descending ? order > 0 : order < 0;
            merged.add(takesRight ? right.get(j++) : left.get(i++));
        }
        merged.addAll(left.subList(i, left.size()));
        merged.addAll(right.subList(j, right.size()));
        return merged;
    }

    private Value dictSort(Value value, Bound bound) throws TemplateException {
        if (!(value instanceof Value.Dict dict)) {
            throw new TemplateException("'dictsort' needs a dict, not a " + value.kindName());
        }
        int position = switch (bound.text(1).orElse("key")) {
            case "key" -> 0;
            case "value" -> 1;
            default -> throw new TemplateException("'dictsort' sorts by key or value");
        };
        Key key = new Key(bound.flag(0), Optional.of(new Value.Int(position)));
        return Value.Seq.list(sort(methods.items(dict), key, bound.flag(2)));
    }

    private Value unique(Value value, Bound bound) throws TemplateException {
        Key key = new Key(bound.flag(0), bound.value(1));
        Set<Value> seen = new HashSet<>();
        List<Value> result = new ArrayList<>();
        for (Value item : operators.iterate(value)) {
            budget.elements(2);
            if (seen.add(Operators.key(key(item, key)))) {
                result.add(item);
            }
        }
        return Value.Seq.generator(result);
    }

    private Value extreme(String name, Value value, Bound bound) throws TemplateException {
        Key key = new Key(bound.flag(0), bound.value(1));
        List<Value> items = operators.iterate(value);
        if (items.isEmpty()) {
            return new Value.Undefined("There is no " + name + " of no items");
        }
        Value best = items.getFirst();
        for (Value item : items) {
            int order = operators.order(key(item, key), key(best, key));
            if (name.equals("min") ? order < 0 : order > 0) {
                best = item;
            }
        }
        return best;
    }

    private Value sum(Value value, Bound bound) throws TemplateException {
        Value sum = bound.value(1).orElse(new Value.Int(0));
        for (Value item : operators.iterate(value)) {
            Value summand = bound.value(0).isPresent() ? member(item, bound.required(0)) : item;
            sum = operators.binary(Expression.BinaryOperator.ADD, sum, summand);
        }
        return sum;
    }

    /** These filters take None and other false values for an empty list. */
    private List<Value> iterateIfTrue(Value value) throws TemplateException {
        return Operators.isTrue(value) ? operators.iterate(value) : List.of();
    }

    private Value map(Value value, Arguments arguments) throws TemplateException {
        List<Value> result = new ArrayList<>();
        boolean members = arguments.positional().isEmpty();
        Bound bound = members
                ? arguments.bind("map", "attribute", "default")
                : new Arguments(arguments.positional().subList(0, 1), Map.of()).bind("map", "filter");
        budget.enter();
        for (Value item : iterateIfTrue(value)) {
            budget.elements(1);
            if (members) {
                Value member = member(item, bound.required(0));
                result.add(member instanceof Value.Undefined ? bound.value(1).orElse(member) : member);
            } else {
                result.add(filters.apply(bound.requiredText(0), item, arguments.without(1)));
            }
        }
        budget.exit();
        return Value.Seq.generator(result);
    }

    private Value select(Value value, Arguments arguments, boolean wanted, boolean byAttribute)
            throws TemplateException {
        int testAt = byAttribute ? 1 : 0;
        List<Value> positional = arguments.positional();
        if (positional.size() < testAt) {
            throw new TemplateException("'selectattr' and 'rejectattr' need the name of an attribute");
        }
        List<Value> result = new ArrayList<>();
        for (Value item : iterateIfTrue(value)) {
            budget.elements(1);
            Value subject = byAttribute ? member(item, positional.getFirst()) : item;
            boolean holds;
            if (positional.size() == testAt) {
                holds = Operators.isTrue(subject);
            } else if (positional.get(testAt) instanceof Value.Str(String test, boolean _)) {
                holds = predicates.test(test, subject, arguments.without(testAt + 1));
            } else {
                throw new TemplateException("The name of a test is a text");
            }
            if (holds == wanted) {
                result.add(item);
            }
        }
        return Value.Seq.generator(result);
    }
}
