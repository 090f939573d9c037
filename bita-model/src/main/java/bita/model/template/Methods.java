package bita.model.template;

import bita.model.template.Arguments.Bound;
import bita.model.template.Value.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Attributes and methods; only those named here exist. */
final class Methods {
    private static final Set<String> OF_TEXT = Set.of(
            "split",
            "rsplit",
            "splitlines",
            "strip",
            "lstrip",
            "rstrip",
            "startswith",
            "endswith",
            "replace",
            "upper",
            "lower",
            "title",
            "capitalize",
            "format",
            "find",
            "rfind",
            "count",
            "join",
            "removeprefix",
            "removesuffix",
            "isdigit",
            "isalpha",
            "isalnum",
            "isspace",
            "isupper",
            "islower");
    private static final Set<String> OF_DICT = Set.of("get", "items", "keys", "values", "copy");
    private static final Set<String> OF_LIST = Set.of("index", "count", "copy");
    private static final Set<String> CHANGING_DICT = Set.of("clear", "pop", "popitem", "setdefault", "update");
    private static final Set<String> CHANGING_LIST =
            Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");

    private final Budget budget;
    private final Operators operators;
    private final PythonText text;
    private final Formatting formatting;

    Methods(Budget budget, Operators operators, PythonText text) {
        this.budget = budget;
        this.operators = operators;
        this.text = text;
        this.formatting = new Formatting(budget, text);
    }

    /** {@code value.name}: a method before a dict's entry. */
    Value attribute(Value target, String name) throws TemplateException {
        Optional<Value> own = own(target, name);
        if (own.isPresent()) {
            return own.get();
        }
        Value entry = target instanceof Value.Dict(Map<Value, Value> entries) ? entries.get(new Value.Str(name)) : null;
        return entry == null ? missing(target, name) : entry;
    }

    /** {@code value[index]}: a dict's entry before a method. */
    Value item(Value target, Value index) throws TemplateException {
        if (target instanceof Value.Undefined(String problem)) {
            throw new TemplateException(problem);
        }
        if (target instanceof Value.Dict(Map<Value, Value> entries) && !(index instanceof Value.Undefined)) {
            Value entry = entries.get(Operators.key(index));
            if (entry != null) {
                return entry;
            }
        }
        if (index instanceof Value.Int(long number)) {
            return operators.at(target, number).orElseGet(() -> missing(target, Long.toString(number)));
        }
        if (index instanceof Value.Str(String name, boolean _)) {
            return own(target, name).orElseGet(() -> missing(target, name));
        }
        return missing(target, index.kindName());
    }

    private static Value missing(Value target, String name) {
        return new Value.Undefined("A " + target.kindName() + " has no '" + name + "'");
    }

    private static Optional<Value> own(Value target, String name) throws TemplateException {
        return switch (target) {
            case Value.Undefined(String problem) -> throw new TemplateException(problem);
            case Value.Namespace(Map<String, Value> members) -> Optional.ofNullable(members.get(name));
            case Value.Loop loop -> ofLoop(loop, name);
            case Value.Macro macro when name.equals("name") -> Optional.of(new Value.Str(macro.name()));
            case Value.Str _ -> method(target, name, OF_TEXT, Set.of());
            case Value.Dict _ -> method(target, name, OF_DICT, CHANGING_DICT);
            case Value.Seq(Kind kind, List<Value> _)
            when kind == Kind.LIST || kind == Kind.TUPLE -> method(target, name, OF_LIST, CHANGING_LIST);
            default -> Optional.empty();
        };
    }

    private static Optional<Value> method(Value target, String name, Set<String> names, Set<String> changing) {
        if (changing.contains(name)) {
            return Optional.of(new Value.Undefined(
                    "'" + name + "' would change a " + target.kindName() + ", which templates may not"));
        }
        return names.contains(name) ? Optional.of(new Value.Method(target, name)) : Optional.empty();
    }

    private static Optional<Value> ofLoop(Value.Loop loop, String name) {
        int size = loop.items.size();
        int index = loop.index;
        return switch (name) {
            case "index" -> Optional.of(new Value.Int(index + 1));
            case "index0" -> Optional.of(new Value.Int(index));
            case "revindex" -> Optional.of(new Value.Int(size - index));
            case "revindex0" -> Optional.of(new Value.Int(size - index - 1));
            case "first" -> Optional.of(Value.Bool.of(index == 0));
            case "last" -> Optional.of(Value.Bool.of(index == size - 1));
            case "length" -> Optional.of(new Value.Int(size));
            case "depth" -> Optional.of(new Value.Int(loop.depth));
            case "depth0" -> Optional.of(new Value.Int(loop.depth - 1));
            case "previtem" ->
                Optional.of(index > 0 ? loop.items.get(index - 1) : new Value.Undefined("there is no previous item"));
            case "nextitem" ->
                Optional.of(
                        index < size - 1 ? loop.items.get(index + 1) : new Value.Undefined("there is no next item"));
            case "cycle" -> Optional.of(new Value.Method(loop, name));
            default -> Optional.empty();
        };
    }

    Value call(Value.Method method, Arguments arguments) throws TemplateException {
        String name = method.name();
        return switch (method.receiver()) {
            case Value.Str(String string, boolean _) -> ofText(string, name, arguments);
            case Value.Dict dict -> ofDict(dict, name, arguments);
            case Value.Seq seq -> ofList(seq, name, arguments);
            case Value.Loop loop
            when !arguments.positional().isEmpty() ->
                arguments.positional().get(loop.index % arguments.positional().size());
            default -> throw new TemplateException("'" + name + "' lacks its arguments");
        };
    }

    private Value ofDict(Value.Dict dict, String name, Arguments arguments) throws TemplateException {
        if (name.equals("get")) {
            Bound bound = arguments.bind(name, "key", "default");
            Value key = bound.required(0);
            Value entry = key instanceof Value.Undefined ? null : dict.entries().get(Operators.key(key));
            return entry == null ? bound.value(1).orElse(Value.None.NONE) : entry;
        }
        arguments.bind(name);
        budget.elements(dict.entries().size());
        return switch (name) {
            case "keys" -> new Value.Seq(Kind.VIEW, List.copyOf(dict.entries().keySet()));
            case "values" -> new Value.Seq(Kind.VIEW, List.copyOf(dict.entries().values()));
            case "copy" -> new Value.Dict(new LinkedHashMap<>(dict.entries()));
            default -> new Value.Seq(Kind.VIEW, items(dict));
        };
    }

    /** The entries as tuples of key and value. */
    List<Value> items(Value.Dict dict) throws TemplateException {
        budget.elements(3L * dict.entries().size());
        List<Value> items = new ArrayList<>();
        dict.entries().forEach((key, value) -> items.add(Value.Seq.tuple(key, value)));
        return items;
    }

    private Value ofList(Value.Seq seq, String name, Arguments arguments) throws TemplateException {
        if (name.equals("copy")) {
            arguments.bind(name);
            return seq;
        }
        Value sought = arguments.bind(name, "value").required(0);
        int count = 0;
        for (int i = 0; i < seq.items().size(); i++) {
            if (operators.equal(seq.items().get(i), sought)) {
                if (name.equals("index")) {
                    return new Value.Int(i);
                }
                count++;
            }
        }
        if (name.equals("index")) {
            throw new TemplateException("The value sought is not in the " + seq.kindName());
        }
        return new Value.Int(count);
    }

    private Value ofText(String string, String name, Arguments arguments) throws TemplateException {
        budget.scan(string.length());
        return switch (name) {
            case "strip", "lstrip", "rstrip" -> strip(string, name, arguments);
            case "split", "rsplit" -> split(string, name, arguments);
            case "startswith", "endswith" -> startsOrEnds(string, name, arguments);
            case "removeprefix", "removesuffix" -> {
                String affix = arguments.bind(name, "affix").requiredText(0);
                boolean prefix = name.equals("removeprefix");
                boolean has = prefix ? string.startsWith(affix) : string.endsWith(affix);
                yield made(
                        !has
                                ? string
                                : prefix
                                        ? string.substring(affix.length())
                                        : string.substring(0, string.length() - affix.length()));
            }
            case "replace" -> {
                Bound bound = arguments.bind(name, "old", "new", "count");
                yield new Value.Str(
                        replace(string, bound.requiredText(0), bound.requiredText(1), bound.integer(2, -1)));
            }
            case "find", "rfind" -> {
                String sought = arguments.bind(name, "sub").requiredText(0);
                budget.search(string, sought);
                int at = name.equals("find") ? string.indexOf(sought) : string.lastIndexOf(sought);
                yield new Value.Int(at < 0 ? -1 : string.codePointCount(0, at));
            }
            case "count" ->
                new Value.Int(count(string, arguments.bind(name, "sub").requiredText(0)));
            case "join" ->
                new Value.Str(join(
                        string,
                        operators.iterate(arguments.bind(name, "iterable").required(0)),
                        true));
            case "format" -> new Value.Str(formatting.braces(string, arguments));
            default -> {
                arguments.bind(name);
                yield plain(string, name);
            }
        };
    }

    private Value plain(String string, String name) throws TemplateException {
        return switch (name) {
            case "upper" -> made(string.toUpperCase(Locale.ROOT));
            case "lower" -> made(string.toLowerCase(Locale.ROOT));
            case "title" -> made(Text.title(string));
            case "capitalize" -> made(Text.capitalize(string));
            case "splitlines" -> {
                budget.text(string.length());
                List<Value> lines = new ArrayList<>();
                string.lines().forEach(line -> lines.add(new Value.Str(line)));
                budget.elements(lines.size());
                yield Value.Seq.list(lines);
            }
            case "isdigit" ->
                Value.Bool.of(!string.isEmpty() && string.codePoints().allMatch(Character::isDigit));
            case "isalpha" ->
                Value.Bool.of(!string.isEmpty() && string.codePoints().allMatch(Character::isLetter));
            case "isalnum" ->
                Value.Bool.of(!string.isEmpty() && string.codePoints().allMatch(Character::isLetterOrDigit));
            case "isspace" ->
                Value.Bool.of(!string.isEmpty() && string.codePoints().allMatch(Text::isSpace));
            case "isupper" ->
                Value.Bool.of(string.codePoints().anyMatch(Character::isUpperCase)
                        && string.codePoints().noneMatch(Character::isLowerCase));
            default ->
                Value.Bool.of(string.codePoints().anyMatch(Character::isLowerCase)
                        && string.codePoints().noneMatch(Character::isUpperCase));
        };
    }

    private Value made(String string) throws TemplateException {
        budget.text(string.length());
        return new Value.Str(string);
    }

    private Value strip(String string, String name, Arguments arguments) throws TemplateException {
        Optional<String> given = arguments.bind(name, "chars").text(0);
        String characters = given.orElse("");
        if (given.isPresent() && characters.isEmpty()) {
            return new Value.Str(string);
        }
        budget.search(string, characters);
        String start = name.equals("rstrip") ? string : Text.stripStart(string, characters);
        return made(name.equals("lstrip") ? start : Text.stripEnd(start, characters));
    }

    private Value startsOrEnds(String string, String name, Arguments arguments) throws TemplateException {
        Value sought = arguments.bind(name, "affix").required(0);
        List<Value> affixes = sought instanceof Value.Seq(Kind kind, List<Value> items) && kind == Kind.TUPLE
                ? items
                : List.of(sought);
        for (Value value : affixes) {
            if (!(value instanceof Value.Str(String affix, boolean _))) {
                throw new TemplateException("'" + name + "' needs a text, not a " + value.kindName());
            }
            budget.scan(affix.length());
            if (name.equals("startswith") ? string.startsWith(affix) : string.endsWith(affix)) {
                return Value.Bool.TRUE;
            }
        }
        return Value.Bool.FALSE;
    }

    private Value split(String string, String name, Arguments arguments) throws TemplateException {
        Bound bound = arguments.bind(name, "sep", "maxsplit");
        Optional<String> separator = bound.text(0);
        long most = bound.integer(1, -1);
        budget.text(string.length());
        List<Value> parts;
        if (separator.isEmpty()) {
            parts = splitAtSpace(string, most, name.equals("rsplit"));
        } else if (separator.get().isEmpty()) {
            throw new TemplateException("'" + name + "' needs a separator that is not empty");
        } else {
            budget.search(string, separator.get());
            parts = name.equals("split")
                    ? splitForwards(string, separator.get(), most)
                    : splitBackwards(string, separator.get(), most);
        }
        return Value.Seq.list(parts);
    }

    private List<Value> splitForwards(String string, String separator, long most) throws TemplateException {
        List<Value> parts = new ArrayList<>();
        int start = 0;
        for (int at = string.indexOf(separator);
                at >= 0 && parts.size() != most;
                at = string.indexOf(separator, start)) {
            add(parts, string.substring(start, at));
            start = at + separator.length();
        }
        add(parts, string.substring(start));
        return parts;
    }

    private List<Value> splitBackwards(String string, String separator, long most) throws TemplateException {
        List<Value> parts = new ArrayList<>();
        int end = string.length();
        int at = string.lastIndexOf(separator);
        while (at >= 0 && parts.size() != most) {
            add(parts, string.substring(at + separator.length(), end));
            end = at;
            at = end < separator.length() ? -1 : string.lastIndexOf(separator, end - separator.length());
        }
        add(parts, string.substring(0, end));
        Collections.reverse(parts);
        return parts;
    }

    private List<Value> splitAtSpace(String string, long most, boolean backwards) throws TemplateException {
        if (backwards && most >= 0) {
            throw new TemplateException("'rsplit' with a limit needs a separator");
        }
        List<Value> parts = new ArrayList<>();
        String rest = Text.stripStart(string, "");
        int start = string.length() - rest.length();
        while (start < string.length()) {
            int end = start;
            if (parts.size() == most) {
                end = string.length();
            } else {
                while (end < string.length() && !Text.isSpace(string.charAt(end))) {
                    end++;
                }
            }
            add(parts, string.substring(start, end));
            start = end;
            while (start < string.length() && Text.isSpace(string.charAt(start))) {
                start++;
            }
        }
        return parts;
    }

    private void add(List<Value> parts, String part) throws TemplateException {
        budget.elements(1);
        parts.add(new Value.Str(part));
    }

    /** At most {@code count} replacements from the left; all if it is negative. */
    String replace(String string, String old, String replacement, long count) throws TemplateException {
        budget.search(string, old);
        TextBuilder result = new TextBuilder(budget);
        long left = count < 0 ? Long.MAX_VALUE : count;
        int start = 0;
        // An empty text is found between all characters and at both ends.
        int at = string.indexOf(old);
        while (at >= 0 && left-- > 0) {
            result.append(string.substring(start, at)).append(replacement);
            start = at + old.length();
            if (old.isEmpty()) {
                if (at == string.length()) {
                    break;
                }
                at = string.offsetByCodePoints(at, 1);
            } else {
                at = string.indexOf(old, start);
            }
        }
        return result.append(string.substring(start)).toString();
    }

    private long count(String string, String sought) throws TemplateException {
        budget.search(string, sought);
        if (sought.isEmpty()) {
            return string.codePointCount(0, string.length()) + 1L;
        }
        long count = 0;
        for (int at = string.indexOf(sought); at >= 0; at = string.indexOf(sought, at + sought.length())) {
            count++;
        }
        return count;
    }

    /**
     * The items with a separator between them.
     *
     * @param strict whether items must be texts already
     */
    String join(String separator, List<Value> items, boolean strict) throws TemplateException {
        TextBuilder result = new TextBuilder(budget);
        for (int i = 0; i < items.size(); i++) {
            Value item = items.get(i);
            if (strict && !(item instanceof Value.Str)) {
                throw new TemplateException("'join' needs texts, not a " + item.kindName());
            }
            result.append(i == 0 ? "" : separator).append(text.str(item));
        }
        return result.toString();
    }
}
