package bita.model.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Evaluated arguments of a call, named ones in their order. */
record Arguments(List<Value> positional, Map<String, Value> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    /** Assigns the arguments to parameters, all optional as yet. */
    Bound bind(String function, String... parameters) throws TemplateException {
        if (positional.size() > parameters.length) {
            throw new TemplateException(
                    function + " takes at most " + parameters.length + " arguments, not " + positional.size());
        }
        List<Optional<Value>> values = new ArrayList<>();
        int used = 0;
        for (int i = 0; i < parameters.length; i++) {
            Optional<Value> byName = Optional.ofNullable(named.get(parameters[i]));
            if (byName.isPresent()) {
                used++;
            }
            if (i < positional.size()) {
                if (byName.isPresent()) {
                    throw new TemplateException(function + " is given its argument '" + parameters[i] + "' twice");
                }
                values.add(Optional.of(positional.get(i)));
            } else {
                values.add(byName);
            }
        }
        if (used < named.size()) {
            throw new TemplateException(function + " has no parameter named like one of " + named.keySet());
        }
        return new Bound(function, values);
    }

    /** The arguments after the first ones. */
    Arguments without(int first) {
        return new Arguments(positional.subList(Math.min(first, positional.size()), positional.size()), named);
    }

    /** Arguments by the position of their parameter. */
    record Bound(String function, List<Optional<Value>> values) {
        Optional<Value> value(int index) {
            return values.get(index);
        }

        Value required(int index) throws TemplateException {
            Optional<Value> value = values.get(index);
            if (value.isEmpty()) {
                throw new TemplateException(function + " lacks its argument " + (index + 1));
            }
            return value.get();
        }

        /** A text that may be left out or {@code None}. */
        Optional<String> text(int index) throws TemplateException {
            Optional<Value> value = values.get(index);
            if (value.isEmpty() || value.get() == Value.None.NONE) {
                return Optional.empty();
            }
            return Optional.of(requiredText(index));
        }

        String requiredText(int index) throws TemplateException {
            if (required(index) instanceof Value.Str(String text, boolean _)) {
                return text;
            }
            throw wrongKind(index, "a text");
        }

        long integer(int index, long fallback) throws TemplateException {
            Optional<Value> value = values.get(index);
            if (value.isEmpty() || value.get() == Value.None.NONE) {
                return fallback;
            }
            if (value.get() instanceof Value.Int(long number)) {
                return number;
            }
            if (value.get() instanceof Value.Bool bool) {
                return bool == Value.Bool.TRUE ? 1 : 0;
            }
            throw wrongKind(index, "a whole number");
        }

        boolean flag(int index) throws TemplateException {
            return values.get(index).isPresent() && Operators.isTrue(required(index));
        }

        private TemplateException wrongKind(int index, String wanted) throws TemplateException {
            return new TemplateException(function + " needs " + wanted + " as argument " + (index + 1) + ", not "
                    + required(index).kindName());
        }
    }
}
