package bita.api.json;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** An object: its declared properties in their order, then others. */
final class ObjectShape implements Shape {
    private final List<Property> properties;
    private final Optional<Choice> others;
    private final ByteTrie names = new ByteTrie(); // with the closing quotes; numbers are indices of properties
    private final int[] required; // (properties + 1), the first required one from each on; properties if there is none
    private int height = ENDLESS;

    /**
     * A declared property.
     *
     * @param name in JSON, with quotes
     */
    record Property(String name, Choice value, boolean required) {}

    /**
     * @param others what properties that are not declared are; empty if there must be none
     */
    ObjectShape(List<Property> properties, Optional<Choice> others) {
        this.properties = List.copyOf(properties);
        this.others = others;
        int count = properties.size();
        required = new int[count + 1];
        required[count] = count;
        for (int i = count - 1; i >= 0; i--) {
            required[i] = properties.get(i).required() ? i : required[i + 1];
        }
        for (int i = 0; i < count; i++) {
            names.add(properties.get(i).name().substring(1).getBytes(StandardCharsets.UTF_8), i);
        }
        measure();
    }

    /** Takes over the heights of the properties. */
    void measure() {
        int tallest = 0;
        for (Property property : properties) {
            if (property.required()) {
                tallest = Math.max(tallest, property.value().height());
            }
        }
        height = Math.min(ENDLESS, 1 + tallest);
    }

    @Override
    public int height() {
        return height;
    }

    List<Property> properties() {
        return properties;
    }

    /** Whether a declared property from the given one on may come that is named like this so far. */
    private boolean mayBeDeclared(ByteTrie name, int from, int depth) {
        int index = name.numberFrom(from);
        while (index <= required[from] && index < properties.size()) {
            if (properties.get(index).value().fits(depth)) {
                return true;
            }
            index = name.numberFrom(index + 1);
        }
        return false;
    }

    private boolean mayBeOther(int from, int depth) {
        return others.isPresent()
                && required[from] == properties.size()
                && others.get().fits(depth);
    }

    @Override
    public void begin(int b, Stack below, Steps out) {
        if (b == '{') {
            out.add(below.push(new Open(this, Place.BEGINNING, 0, Names.NONE, Blanks.NONE)));
        }
    }

    private enum Place {
        BEGINNING,
        BEHIND_VALUE,
        BEHIND_COMMA
    }

    /**
     * Within an object.
     *
     * @param from the first declared property that may come
     * @param used other names that have come
     */
    record Open(ObjectShape shape, Place place, int from, Names used, int blanks) implements Frame {
        @Override
        public void step(int b, Stack at, Steps out) {
            int next = Blanks.next(blanks, b, at.depth());
            if (next >= 0) {
                out.add(at.below().push(new Open(shape, place, from, used, next)));
            } else if (b == '}') {
                if (place != Place.BEHIND_COMMA && shape.required[from] == shape.properties.size()) {
                    out.add(at.below());
                }
            } else if (b == ',') {
                if (place == Place.BEHIND_VALUE && goesOn(at.depth())) {
                    out.add(at.below().push(new Open(shape, Place.BEHIND_COMMA, from, used, Blanks.NONE)));
                }
            } else if (b == '"' && place != Place.BEHIND_VALUE && goesOn(at.depth())) {
                Optional<Text> other = shape.mayBeOther(from, at.depth()) ? Optional.of(Text.EMPTY) : Optional.empty();
                out.add(at.below().push(new Name(shape, from, used, shape.names, other, Characters.BOUNDARY)));
            }
        }

        private boolean goesOn(int depth) {
            return shape.mayBeDeclared(shape.names, from, depth) || shape.mayBeOther(from, depth);
        }

        @Override
        public boolean isNested() {
            return true;
        }
    }

    /**
     * Within a name of an object.
     *
     * @param declared   the name so far among the declared ones
     * @param other      the name so far, if it can be another one
     * @param characters within that other one
     */
    record Name(ObjectShape shape, int from, Names used, ByteTrie declared, Optional<Text> other, int characters)
            implements Frame {
        @Override
        public void step(int b, Stack at, Steps out) {
            ByteTrie next = declared.child(b);
            if (next.isText()) {
                if (shape.mayBeDeclared(next, from, at.depth())) {
                    Choice value = shape.properties.get(next.number()).value();
                    end(new Open(shape, Place.BEHIND_VALUE, next.number() + 1, used, Blanks.NONE), value, at, out);
                }
                return;
            }
            boolean atBoundary = characters == Characters.BOUNDARY;
            if (other.isPresent() && atBoundary && b == '"') {
                if (!used.has(other.get())) {
                    Names more = used.with(other.get());
                    int behind = shape.properties.size();
                    Open after = new Open(shape, Place.BEHIND_VALUE, behind, more, Blanks.NONE);
                    end(after, shape.others.orElseThrow(), at, out);
                }
                return;
            }
            boolean escape = atBoundary && b == '\\';
            int then = other.isEmpty() || escape ? -1 : Characters.next(characters, b);
            if (then >= 0 || shape.mayBeDeclared(next, from, at.depth())) {
                Optional<Text> longer =
                        then >= 0 ? Optional.of(other.orElseThrow().append(b)) : Optional.empty();
                out.add(at.below().push(new Name(shape, from, used, next, longer, Math.max(then, 0))));
            }
        }

        private static void end(Open after, Choice value, Stack at, Steps out) {
            out.add(at.below().push(after).push(new Colon(value, Blanks.NONE)));
        }

        @Override
        public boolean isNested() {
            return true;
        }

        @Override
        public int plainRoom() {
            return other.isPresent() && characters == Characters.BOUNDARY ? Integer.MAX_VALUE : -1;
        }
    }
}
