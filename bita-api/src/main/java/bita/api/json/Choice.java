package bita.api.json;

import java.util.List;

/** A value that may have one of several shapes. They are set when the schema is compiled, as they may be recursive. */
final class Choice {
    private List<Shape> shapes = List.of();
    private int height = Shape.ENDLESS;

    static Choice of(Shape shape) {
        Choice choice = new Choice();
        choice.set(List.of(shape));
        return choice;
    }

    void set(List<Shape> all) {
        shapes = List.copyOf(all);
        measure();
    }

    /** Takes over the heights of the shapes; whether that has changed the choice's own. */
    boolean measure() {
        int before = height;
        height = shapes.stream().mapToInt(Shape::height).min().orElse(Shape.ENDLESS);
        return height != before;
    }

    List<Shape> shapes() {
        return shapes;
    }

    /** Least depth of objects and lists in such a value. */
    int height() {
        return height;
    }

    /** Whether such a value has room within a number of objects and lists. */
    boolean fits(int depth) {
        return depth + height <= JsonFormat.MOST_DEPTH;
    }

    /** Adds the stacks behind the first byte of such a value. */
    void begin(int b, Stack below, Steps out) {
        for (Shape shape : shapes) {
            if (below.depth() + shape.height() <= JsonFormat.MOST_DEPTH) {
                shape.begin(b, below, out);
            }
        }
    }
}
