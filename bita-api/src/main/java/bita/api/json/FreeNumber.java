package bita.api.json;

/** A number without bounds. Its parts have limits, so that it ends and is finite as f64. */
enum FreeNumber implements Shape {
    ANY;

    private static final int MOST_DIGITS = 20;
    private static final int MOST_EXPONENT_DIGITS = 2;

    @Override
    public void begin(int b, Stack below, Steps out) {
        if (b == '-') {
            out.add(below.push(new Open(Part.SIGN, 0)));
        } else if (isDigit(b)) {
            out.add(below.push(Open.first(b)));
        }
    }

    private static boolean isDigit(int b) {
        return b >= '0' && b <= '9';
    }

    private enum Part {
        SIGN,
        ZERO,
        INTEGER,
        FRACTION,
        EXPONENT,
        EXPONENT_SIGN,
        EXPONENT_DIGITS
    }

    /**
     * Within a number.
     *
     * @param digits of this part
     */
    record Open(Part part, int digits) implements Frame {
        private static Open first(int b) {
            return b == '0' ? new Open(Part.ZERO, 1) : new Open(Part.INTEGER, 1);
        }

        @Override
        public void step(int b, Stack at, Steps out) {
            if (isDigit(b)) {
                digit(b, at.below(), out);
            } else if (b == '.') {
                if (part == Part.ZERO || part == Part.INTEGER) {
                    out.add(at.below().push(new Open(Part.FRACTION, 0)));
                }
            } else if (b == 'e' || b == 'E') {
                if (canEnd() && part != Part.EXPONENT_DIGITS) {
                    out.add(at.below().push(new Open(Part.EXPONENT, 0)));
                }
            } else if (b == '-' || b == '+') {
                if (part == Part.EXPONENT) {
                    out.add(at.below().push(new Open(Part.EXPONENT_SIGN, 0)));
                }
            } else if (canEnd()) {
                at.below().step(b, out);
            }
        }

        private void digit(int b, Stack below, Steps out) {
            switch (part) {
                case SIGN -> out.add(below.push(first(b)));
                case ZERO -> {}
                case INTEGER, FRACTION -> {
                    if (digits < MOST_DIGITS) {
                        out.add(below.push(new Open(part, digits + 1)));
                    }
                }
                case EXPONENT, EXPONENT_SIGN -> out.add(below.push(new Open(Part.EXPONENT_DIGITS, 1)));
                case EXPONENT_DIGITS -> {
                    if (digits < MOST_EXPONENT_DIGITS) {
                        out.add(below.push(new Open(part, digits + 1)));
                    }
                }
            }
        }

        @Override
        public boolean canEnd() {
            return part != Part.SIGN && digits > 0;
        }
    }
}
