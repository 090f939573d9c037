package bita.model.template;

import bita.model.template.Expression.BinaryOperator;
import bita.model.template.Expression.ComparisonOperator;
import bita.model.template.Value.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Python's operators on values. */
final class Operators {
    private final Budget budget;
    private final Formatting formatting;

    Operators(Budget budget, PythonText text) {
        this.budget = budget;
        this.formatting = new Formatting(budget, text);
    }

    static boolean isTrue(Value value) {
        return switch (value) {
            case Value.Undefined _, Value.None _ -> false;
            case Value.Bool bool -> bool == Value.Bool.TRUE;
            case Value.Int(long number) -> number != 0;
            case Value.Real(double number) -> number != 0;
            case Value.Str(String text, boolean _) -> !text.isEmpty();
            // A generator has no length and so is true even when it gives nothing.
            case Value.Seq(Kind kind, List<Value> items) -> kind == Kind.GENERATOR || !items.isEmpty();
            case Value.Dict(Map<Value, Value> entries) -> !entries.isEmpty();
            default -> true;
        };
    }

    static boolean isNumber(Value value) {
        return value instanceof Value.Int || value instanceof Value.Real || value instanceof Value.Bool;
    }

    /** The whole number, if the value is one; truth values count as 0 and 1. */
    private static Optional<Long> whole(Value value) {
        return switch (value) {
            case Value.Int(long number) -> Optional.of(number);
            case Value.Bool bool -> Optional.of(bool == Value.Bool.TRUE ? 1L : 0L);
            default -> Optional.empty();
        };
    }

    static double real(Value number) {
        return number instanceof Value.Real(double real)
                ? real
                : whole(number).orElseThrow().doubleValue();
    }

    /** The value as a dict's key: numbers that are equal are the same key. */
    static Value key(Value value) throws TemplateException {
        return switch (value) {
            case Value.Real(double number) when number == (long) number -> new Value.Int((long) number);
            case Value.Str _, Value.Int _, Value.Real _, Value.Bool _, Value.None _ -> value;
            default -> throw new TemplateException("A " + value.kindName() + " cannot be the key of a dict");
        };
    }

    /** Kinds without an equality of their own, such as macros, equal only themselves. */
    @SuppressWarnings("ReferenceEquality")
    boolean equal(Value left, Value right) throws TemplateException {
        budget.enter();
        boolean result = switch (left) {
            case Value.Str(String a, boolean _)
            when right instanceof Value.Str(String b, boolean _) -> {
                budget.scan(a.length() == b.length() ? a.length() : 0);
                yield a.equals(b);
            }
            case Value.Undefined _ -> right instanceof Value.Undefined;
            case Value.Seq(Kind kind, List<Value> a)
            when kind != Kind.GENERATOR && right instanceof Value.Seq(Kind other, List<Value> b) ->
                (kind == other) && equalItems(a, b);
            case Value.Dict(Map<Value, Value> a)
            when right instanceof Value.Dict(Map<Value, Value> b) -> equalEntries(a, b);
            default ->
                (isNumber(left) && isNumber(right))
                        ? compareNumbers(left, right).equals(Optional.of(0))
                        : (left == right);
        };
        budget.exit();
        return result;
    }

    private boolean equalItems(List<Value> left, List<Value> right) throws TemplateException {
        if (left.size() != right.size()) {
            return false;
        }
        for (int i = 0; i < left.size(); i++) {
            if (!equal(left.get(i), right.get(i))) {
                return false;
            }
        }
        return true;
    }

    private boolean equalEntries(Map<Value, Value> left, Map<Value, Value> right) throws TemplateException {
        if (left.size() != right.size()) {
            return false;
        }
        for (Map.Entry<Value, Value> entry : left.entrySet()) {
            Value other = right.get(entry.getKey());
            if (other == null || !equal(entry.getValue(), other)) {
                return false;
            }
        }
        return true;
    }

    /** Empty if one is not a number at all. */
    private static Optional<Integer> compareNumbers(Value left, Value right) {
        Optional<Long> a = whole(left);
        Optional<Long> b = whole(right);
        if (a.isPresent() && b.isPresent()) {
            return Optional.of(a.get().compareTo(b.get()));
        }
        double x = real(left);
        double y = real(right);
        return Double.isNaN(x) || Double.isNaN(y) ? Optional.empty() : Optional.of(x < y ? -1 : x > y ? 1 : 0);
    }

    boolean compare(ComparisonOperator operator, Value left, Value right) throws TemplateException {
        return switch (operator) {
            case EQUAL -> equal(left, right);
            case NOT_EQUAL -> !equal(left, right);
            case IN -> contains(right, left);
            case NOT_IN -> !contains(right, left);
            case LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL -> {
                Optional<Integer> order = order(operator.symbol, left, right);
                yield order.isPresent()
                        && switch (operator) {
                            case LESS -> order.get() < 0;
                            case LESS_OR_EQUAL -> order.get() <= 0;
                            case GREATER -> order.get() > 0;
                            default -> order.get() >= 0;
                        };
            }
        };
    }

    /** Negative, zero or positive as the left value comes before, with or after the right one. */
    int order(Value left, Value right) throws TemplateException {
        return order("<", left, right).orElse(0);
    }

    private Optional<Integer> order(String symbol, Value left, Value right) throws TemplateException {
        defined(left);
        defined(right);
        budget.enter();
        Optional<Integer> result;
        if (isNumber(left) && isNumber(right)) {
            result = compareNumbers(left, right);
        } else if (left instanceof Value.Str(String a, boolean _) && right instanceof Value.Str(String b, boolean _)) {
            budget.scan(Math.min(a.length(), b.length()));
            result = Optional.of(compareCodePoints(a, b));
        } else if (left instanceof Value.Seq(Kind kind, List<Value> a)
                && right instanceof Value.Seq(Kind other, List<Value> b)
                && kind == other
                && (kind == Kind.LIST || kind == Kind.TUPLE)) {
            result = Optional.of(Integer.compare(a.size(), b.size()));
            for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
                if (!equal(a.get(i), b.get(i))) {
                    result = order(symbol, a.get(i), b.get(i));
                    break;
                }
            }
        } else {
            throw unsupported(symbol, left, right);
        }
        budget.exit();
        return result;
    }

    private static int compareCodePoints(String a, String b) {
        int at = 0;
        int common = Math.min(a.length(), b.length());
        while (at < common && a.charAt(at) == b.charAt(at)) {
            at++;
        }
        if (at == common) {
            return Integer.compare(a.length(), b.length());
        }
        char x = a.charAt(at);
        char y = b.charAt(at);
        // Surrogates stand for characters beyond all others, though their own codes are lower than some.
        boolean mixed = Character.isSurrogate(x) != Character.isSurrogate(y);
        return mixed ? (Character.isSurrogate(x) ? 1 : -1) : Character.compare(x, y);
    }

    private static TemplateException unsupported(String symbol, Value left, Value right) {
        return new TemplateException(
                "'" + symbol + "' does not work with " + left.kindName() + " and " + right.kindName());
    }

    private static void defined(Value value) throws TemplateException {
        if (value instanceof Value.Undefined(String problem)) {
            throw new TemplateException(problem);
        }
    }

    boolean contains(Value container, Value sought) throws TemplateException {
        return switch (container) {
            case Value.Str(String text, boolean _) -> {
                defined(sought);
                if (!(sought instanceof Value.Str(String part, boolean _))) {
                    throw new TemplateException("Only a text can be in a text, not a " + sought.kindName());
                }
                budget.search(text, part);
                yield text.contains(part);
            }
            case Value.Dict(Map<Value, Value> entries) ->
                !(sought instanceof Value.Undefined) && entries.containsKey(key(sought));
            default -> {
                for (Value item : iterate(container)) {
                    if (equal(item, sought)) {
                        yield true;
                    }
                }
                yield false;
            }
        };
    }

    /** The values a loop over this one goes through. */
    List<Value> iterate(Value value) throws TemplateException {
        return switch (value) {
            case Value.Undefined _ -> List.of();
            case Value.Seq(Kind _, List<Value> items) -> items;
            case Value.Dict(Map<Value, Value> entries) -> {
                budget.elements(entries.size());
                yield List.copyOf(entries.keySet());
            }
            case Value.Str(String text, boolean _) -> {
                budget.elements(text.length());
                List<Value> characters = new ArrayList<>(text.length());
                text.codePoints().forEach(c -> characters.add(new Value.Str(Character.toString(c))));
                yield characters;
            }
            default -> throw new TemplateException("A " + value.kindName() + " cannot be iterated");
        };
    }

    Value binary(BinaryOperator operator, Value left, Value right) throws TemplateException {
        defined(left);
        if (operator == BinaryOperator.MODULO && left instanceof Value.Str(String format, boolean _)) {
            return new Value.Str(formatting.percent(format, right));
        }
        defined(right);
        if (isNumber(left) && isNumber(right)) {
            return arithmetic(operator, left, right);
        }
        return switch (operator) {
            case ADD -> add(left, right);
            case MULTIPLY -> {
                Optional<Long> times = whole(right);
                yield times.isPresent()
                        ? repeat(left, times.get())
                        : repeat(right, whole(left).orElseThrow(() -> unsupported("*", left, right)));
            }
            default -> throw unsupported(operator.symbol, left, right);
        };
    }

    private Value add(Value left, Value right) throws TemplateException {
        if (left instanceof Value.Str a && right instanceof Value.Str b) {
            boolean safe = a.safe() || b.safe();
            return new Value.Str(
                    new TextBuilder(budget)
                            .append(safe ? escape(a) : a.text())
                            .append(safe ? escape(b) : b.text())
                            .toString(),
                    safe);
        }
        if (left instanceof Value.Seq(Kind kind, List<Value> a)
                && right instanceof Value.Seq(Kind other, List<Value> b)
                && kind == other
                && (kind == Kind.LIST || kind == Kind.TUPLE)) {
            budget.elements((long) a.size() + b.size());
            List<Value> all = new ArrayList<>(a.size() + b.size());
            all.addAll(a);
            all.addAll(b);
            return new Value.Seq(kind, all);
        }
        throw unsupported("+", left, right);
    }

    /** The text with HTML's special characters escaped, unless it is safe already. */
    String escape(Value.Str value) throws TemplateException {
        return value.safe() ? value.text() : Text.escapeHtml(value.text(), new TextBuilder(budget));
    }

    private Value repeat(Value value, long times) throws TemplateException {
        long count = Math.clamp(times, 0, Budget.MAX_TEXT + 1);
        if (value instanceof Value.Str(String text, boolean _)) {
            budget.text(count * text.length());
            return new Value.Str(text.isEmpty() ? "" : text.repeat((int) count));
        }
        if (value instanceof Value.Seq(Kind kind, List<Value> items) && (kind == Kind.LIST || kind == Kind.TUPLE)) {
            budget.elements(count * items.size());
            List<Value> all = new ArrayList<>();
            for (long i = 0; i < count && !items.isEmpty(); i++) {
                all.addAll(items);
            }
            return new Value.Seq(kind, all);
        }
        throw new TemplateException("A " + value.kindName() + " cannot be repeated");
    }

    private static Value arithmetic(BinaryOperator operator, Value left, Value right) throws TemplateException {
        Optional<Long> a = whole(left);
        Optional<Long> b = whole(right);
        boolean divides = operator == BinaryOperator.DIVIDE
                || operator == BinaryOperator.FLOOR_DIVIDE
                || operator == BinaryOperator.MODULO;
        if (divides && real(right) == 0) {
            throw new TemplateException("Division by zero");
        }
        boolean realResult = operator == BinaryOperator.DIVIDE || (operator == BinaryOperator.POWER && real(right) < 0);
        if (a.isPresent() && b.isPresent() && !realResult) {
            try {
                return new Value.Int(arithmetic(operator, a.get(), b.get()));
            } catch (ArithmeticException e) {
                throw new TemplateException("'" + operator.symbol + "' gives a whole number of more than 64 bits");
            }
        }
        return new Value.Real(arithmetic(operator, real(left), real(right)));
    }

    private static long arithmetic(BinaryOperator operator, long a, long b) {
        return switch (operator) {
            case ADD -> Math.addExact(a, b);
            case SUBTRACT -> Math.subtractExact(a, b);
            case MULTIPLY, DIVIDE -> Math.multiplyExact(a, b);
            case FLOOR_DIVIDE -> b == -1 ? Math.negateExact(a) : Math.floorDiv(a, b);
            case MODULO -> Math.floorMod(a, b);
            case POWER -> Math.powExact(a, Math.toIntExact(b));
        };
    }

    private static double arithmetic(BinaryOperator operator, double a, double b) {
        return switch (operator) {
            case ADD -> a + b;
            case SUBTRACT -> a - b;
            case MULTIPLY -> a * b;
            case DIVIDE -> a / b;
            case FLOOR_DIVIDE -> Math.floor(a / b);
            case MODULO -> a - b * Math.floor(a / b);
            case POWER -> Math.pow(a, b);
        };
    }

    Value sign(boolean negative, Value value) throws TemplateException {
        defined(value);
        if (!isNumber(value)) {
            throw new TemplateException("A " + value.kindName() + " has no sign");
        }
        return arithmetic(negative ? BinaryOperator.SUBTRACT : BinaryOperator.ADD, new Value.Int(0), value);
    }

    /** The item at an index, which counts from the end if it is negative; absent if there is none. */
    Optional<Value> at(Value target, long index) throws TemplateException {
        if (target instanceof Value.Seq(Kind kind, List<Value> items) && kind != Kind.GENERATOR && kind != Kind.VIEW) {
            long at = index < 0 ? index + items.size() : index;
            return at >= 0 && at < items.size() ? Optional.of(items.get((int) at)) : Optional.empty();
        }
        if (target instanceof Value.Str(String text, boolean _)) {
            budget.scan(text.length());
            int count = text.codePointCount(0, text.length());
            long at = index < 0 ? index + count : index;
            if (at >= 0 && at < count) {
                return Optional.of(
                        new Value.Str(Character.toString(text.codePointAt(text.offsetByCodePoints(0, (int) at)))));
            }
        }
        return Optional.empty();
    }

    Value slice(Value target, Value start, Value stop, Value step) throws TemplateException {
        defined(target);
        long stride = bound(step, 1);
        if (stride == 0) {
            throw new TemplateException("The step of a slice is zero");
        }
        if (target instanceof Value.Seq(Kind kind, List<Value> items) && kind != Kind.GENERATOR && kind != Kind.VIEW) {
            List<Value> result = new ArrayList<>();
            for (int i : indices(items.size(), start, stop, stride)) {
                result.add(items.get(i));
            }
            return new Value.Seq(kind, result);
        }
        if (target instanceof Value.Str(String text, boolean _)) {
            budget.text(text.length());
            budget.scan(text.length());
            int[] characters = text.codePoints().toArray();
            StringBuilder result = new StringBuilder();
            for (int i : indices(characters.length, start, stop, stride)) {
                result.appendCodePoint(characters[i]);
            }
            return new Value.Str(result.toString());
        }
        throw new TemplateException("A " + target.kindName() + " cannot be sliced");
    }

    private static long bound(Value value, long fallback) throws TemplateException {
        defined(value);
        if (value == Value.None.NONE) {
            return fallback;
        }
        return whole(value).orElseThrow(() -> new TemplateException("The bounds of a slice are whole numbers"));
    }

    private int[] indices(int length, Value start, Value stop, long step) throws TemplateException {
        long lowest = step > 0 ? 0 : -1;
        long highest = step > 0 ? length : length - 1L;
        long from = clip(bound(start, step > 0 ? 0 : Long.MAX_VALUE), length, lowest, highest);
        long to = stop == Value.None.NONE ? (step > 0 ? length : -1) : clip(bound(stop, 0), length, lowest, highest);
        long distance = step > 0 ? to - from : from - to;
        if (distance <= 0) {
            return new int[0];
        }
        long stride = step == Long.MIN_VALUE ? Long.MAX_VALUE : Math.abs(step);
        int count = (int) ((distance - 1) / stride + 1);
        budget.elements(count);
        int[] result = new int[count];
        Arrays.setAll(result, i -> (int) (step > 0 ? from + (i * stride) : from - (i * stride)));
        return result;
    }

    private static long clip(long bound, int length, long lowest, long highest) {
        return Math.clamp(bound < 0 ? bound + length : bound, lowest, highest);
    }
}
