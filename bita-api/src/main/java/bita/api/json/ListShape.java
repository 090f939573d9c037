package bita.api.json;

import java.util.List;

/** A list. */
final class ListShape implements Shape {
    private final List<Choice> first;
    private final Choice others;
    private final int least;
    private final int most;
    private int height = ENDLESS;

    /**
     * @param first  what the first items are
     * @param others what those behind them are
     * @param least  items
     * @param most   items; the largest integer for any number
     */
    ListShape(List<Choice> first, Choice others, int least, int most) {
        this.first = List.copyOf(first);
        this.others = others;
        this.least = least;
        this.most = most;
        measure();
    }

    /** Takes over the heights of the items. */
    void measure() {
        int tallest = least > first.size() ? others.height() : 0;
        for (int i = 0; i < Math.min(least, first.size()); i++) {
            tallest = Math.max(tallest, first.get(i).height());
        }
        height = Math.min(ENDLESS, 1 + tallest);
    }

    @Override
    public int height() {
        return height;
    }

    private Choice item(int index) {
        return index < first.size() ? first.get(index) : others;
    }

    /** Items as far as they matter, so that long lists have few states. */
    private int counted(int items) {
        return most < Integer.MAX_VALUE ? items : Math.min(items, Math.max(least, first.size()));
    }

    @Override
    public void begin(int b, Stack below, Steps out) {
        if (b == '[') {
            out.add(below.push(new Open(this, 0, false, Blanks.NONE)));
        }
    }

    /**
     * Within a list.
     *
     * @param items behind which this stands, as far as they matter
     * @param begun whether there have been any
     */
    record Open(ListShape shape, int items, boolean begun, int blanks) implements Frame {
        @Override
        public void step(int b, Stack at, Steps out) {
            int next = Blanks.next(blanks, b, at.depth());
            if (next >= 0) {
                out.add(at.below().push(new Open(shape, items, begun, next)));
            } else if (b == ']') {
                if (items >= shape.least) {
                    out.add(at.below());
                }
            } else if (items < shape.most) {
                Choice item = shape.item(items);
                Stack behind = at.below().push(new Open(shape, shape.counted(items + 1), true, Blanks.NONE));
                if (!begun) {
                    item.begin(b, behind, out);
                } else if (b == ',' && item.fits(at.depth())) {
                    out.add(behind.push(new Value(item, Blanks.NONE)));
                }
            }
        }

        @Override
        public boolean isNested() {
            return true;
        }
    }
}
