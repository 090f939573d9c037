package bita.model.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Turns Java values into those of a template. */
final class Variables {
    private static final int MAX_NESTING = 200;

    private final Budget budget;

    Variables(Budget budget) {
        this.budget = budget;
    }

    void define(Map<String, ?> variables, Scope scope) throws TemplateException {
        for (Map.Entry<String, ?> variable : variables.entrySet()) {
            scope.set(variable.getKey(), value(variable.getValue(), 0));
        }
    }

    private Value value(@Nullable Object object, int nesting) throws TemplateException {
        if (nesting > MAX_NESTING) {
            throw new TemplateException("A variable is nested more than " + MAX_NESTING + " levels deep");
        }
        budget.elements(1);
        return switch (object) {
            case null -> Value.None.NONE;
            case String text -> new Value.Str(text);
            case Boolean flag -> Value.Bool.of(flag);
            case Integer number -> new Value.Int(number);
            case Long number -> new Value.Int(number);
            case Double number -> new Value.Real(number);
            case List<?> list -> {
                List<Value> items = new ArrayList<>(list.size());
                for (Object item : list) {
                    items.add(value(item, nesting + 1));
                }
                yield Value.Seq.list(items);
            }
            case Map<?, ?> map -> {
                Map<Value, Value> entries = new LinkedHashMap<>();
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    if (!(entry.getKey() instanceof String key)) {
                        throw new TemplateException("The keys of maps in variables are texts");
                    }
                    entries.put(new Value.Str(key), value(entry.getValue(), nesting + 1));
                }
                yield new Value.Dict(entries);
            }
            default ->
                throw new TemplateException(
                        "A variable has the type " + object.getClass().getSimpleName()
                                + "; use texts, booleans, Integer, Long, Double, lists and maps");
        };
    }
}
