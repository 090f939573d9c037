package bita.api.json;

/**
 * A string.
 *
 * @param least code points
 * @param most  code points; the largest integer for any number
 */
record StringShape(int least, int most) implements Shape {
    static final StringShape ANY = new StringShape(0, Integer.MAX_VALUE);

    @Override
    public void begin(int b, Stack below, Steps out) {
        if (b == '"') {
            out.add(below.push(new Open(this, Characters.BOUNDARY, 0)));
        }
    }

    /** Within a string, with as many code points as matter. */
    record Open(StringShape shape, int characters, int count) implements Frame {
        @Override
        public void step(int b, Stack at, Steps out) {
            if (characters == Characters.BOUNDARY && b == '"') {
                if (count >= shape.least) {
                    out.add(at.below());
                }
                return;
            }
            int next = Characters.next(characters, b);
            if (next < 0) {
                return;
            }
            int more = count;
            if (characters == Characters.BOUNDARY) {
                if (count == shape.most) {
                    return;
                }
                boolean counts = count < shape.least || shape.most < Integer.MAX_VALUE;
                more = counts ? count + 1 : count;
            }
            out.add(next == characters && more == count ? at : at.below().push(new Open(shape, next, more)));
        }

        @Override
        public int plainRoom() {
            if (characters != Characters.BOUNDARY) {
                return -1;
            }
            return shape.most == Integer.MAX_VALUE ? Integer.MAX_VALUE : shape.most - count;
        }
    }
}
