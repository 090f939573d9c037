package bita.api.json;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Tells whether alternatives exclude each other, so that a value of one is never a value of another one. */
final class Exclusion {
    private final List<Shape> shapes = new ArrayList<>(); // but values that are written out
    private final Set<String> values = new HashSet<>(); // those, each value in one way
    private final Set<Character> kinds = new HashSet<>(); // of those

    /** Adds an alternative, if it excludes all before. */
    boolean add(List<Shape> alternative) {
        if (!alternative.stream().allMatch(this::excludes)) {
            return false;
        }
        for (Shape shape : alternative) {
            if (shape instanceof LiteralShape literal) {
                literal.texts().forEach(text -> {
                    values.add(value(text));
                    kinds.add(kind(text));
                });
            } else {
                shapes.add(shape);
            }
        }
        return true;
    }

    private boolean excludes(Shape shape) {
        if (shape instanceof LiteralShape literal) {
            return literal.texts().stream().allMatch(text -> excludes(kind(text), text));
        }
        return !kinds.contains(kind(shape)) && shapes.stream().allMatch(other -> differ(shape, other));
    }

    private boolean excludes(char kind, String text) {
        boolean nested = kind == '{' || kind == '['; // these may be written in many ways
        return shapes.stream().allMatch(other -> kind(other) != kind)
                && (nested ? !kinds.contains(kind) : !values.contains(value(text)));
    }

    private static boolean differ(Shape a, Shape b) {
        return kind(a) != kind(b) || (a instanceof ObjectShape x && b instanceof ObjectShape y && haveTag(x, y));
    }

    /** Whether both require a property of which they write out the values, none in common. */
    private static boolean haveTag(ObjectShape a, ObjectShape b) {
        return a.properties().stream().anyMatch(x -> b.properties().stream().anyMatch(y -> isTag(x, y)));
    }

    private static boolean isTag(ObjectShape.Property a, ObjectShape.Property b) {
        if (!a.required() || !b.required() || !a.name().equals(b.name())) {
            return false;
        }
        List<Shape> all = new ArrayList<>(a.value().shapes());
        all.addAll(b.value().shapes());
        Exclusion exclusion = new Exclusion();
        return all.stream().allMatch(LiteralShape.class::isInstance)
                && exclusion.add(a.value().shapes())
                && exclusion.add(b.value().shapes());
    }

    private static char kind(Shape shape) {
        return switch (shape) {
            case ObjectShape _ -> '{';
            case ListShape _ -> '[';
            case StringShape _ -> '"';
            case FreeNumber _, BoundedNumber _ -> '0';
            case LiteralShape literal -> kind(literal.texts().getFirst());
        };
    }

    private static char kind(String text) {
        char first = text.charAt(0);
        return first == '-' || (first >= '0' && first <= '9') ? '0' : first;
    }

    private static String value(String text) {
        return kind(text) == '0' ? new BigDecimal(text).stripTrailingZeros().toString() : text;
    }
}
