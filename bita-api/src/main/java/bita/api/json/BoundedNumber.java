package bita.api.json;

import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * A number between bounds, without an exponent. A digit may come where some number that begins with it lies between them.
 *
 * @param least    a multiple of the unit
 * @param most     likewise, not below
 * @param decimals most digits behind the point; the unit is a one at the last of them
 */
record BoundedNumber(BigDecimal least, BigDecimal most, int decimals) implements Shape {
    /** Integers of 64 bits. */
    static final BoundedNumber INTEGER =
            new BoundedNumber(BigDecimal.valueOf(Long.MIN_VALUE), BigDecimal.valueOf(Long.MAX_VALUE), 0);

    private static final int MOST_DIGITS = 20; // before the point and behind it
    private static final BigDecimal LARGEST = BigDecimal.TEN.pow(MOST_DIGITS).subtract(unit(MOST_DIGITS));
    private static final int NO_POINT = -1;

    /** An end of a range. */
    record Bound(BigDecimal value, boolean isOut) {
        static final Bound LEAST = new Bound(LARGEST.negate(), false);
        static final Bound MOST = new Bound(LARGEST, false);
    }

    private static BigDecimal unit(int decimals) {
        return BigDecimal.ONE.movePointLeft(decimals);
    }

    /** Numbers between bounds, integers of 64 bits alone if so wanted; {@link #isEmpty} if there are none. */
    static BoundedNumber between(Bound least, Bound most, boolean integers) {
        int decimals = integers ? 0 : MOST_DIGITS;
        BigDecimal smallest = integers ? INTEGER.least : LARGEST.negate();
        BigDecimal largest = integers ? INTEGER.most : LARGEST;
        BigDecimal low = least.value().max(smallest).setScale(decimals, RoundingMode.CEILING);
        BigDecimal high = most.value().min(largest).setScale(decimals, RoundingMode.FLOOR);
        if (least.isOut() && low.compareTo(least.value()) == 0) {
            low = low.add(unit(decimals));
        }
        if (most.isOut() && high.compareTo(most.value()) == 0) {
            high = high.subtract(unit(decimals));
        }
        return new BoundedNumber(low, high, decimals);
    }

    /** Whether no number lies between the bounds. */
    boolean isEmpty() {
        return least.compareTo(most) > 0;
    }

    @Override
    public void begin(int b, Stack below, Steps out) {
        if (b != '-') {
            new Open(this, false, BigDecimal.ZERO, 0, NO_POINT).read(b, below, out);
        } else if (least.signum() < 0) {
            out.add(below.push(new Open(this, true, BigDecimal.ZERO, 0, NO_POINT)));
        }
    }

    /**
     * Within a number.
     *
     * @param value          of the digits so far, without the sign
     * @param integerDigits  digits before the point
     * @param fractionDigits digits behind it; negative where there is no point yet
     */
    record Open(BoundedNumber shape, boolean negative, BigDecimal value, int integerDigits, int fractionDigits)
            implements Frame {
        @Override
        public void step(int b, Stack at, Steps out) {
            read(b, at.below(), out);
            if (canEnd()) {
                at.below().step(b, out);
            }
        }

        private void read(int b, Stack below, Steps out) {
            boolean hasPoint = fractionDigits != NO_POINT;
            Open next = this;
            if (b == '.' && !hasPoint && integerDigits > 0 && shape.decimals > 0) {
                next = new Open(shape, negative, value, integerDigits, 0);
            } else if (b >= '0' && b <= '9') {
                BigDecimal digit = BigDecimal.valueOf(b - '0');
                if (hasPoint) {
                    BigDecimal more = value.add(digit.movePointLeft(fractionDigits + 1));
                    next = new Open(shape, negative, more, integerDigits, fractionDigits + 1);
                } else if (integerDigits == 0 || value.signum() > 0) {
                    BigDecimal more = value.multiply(BigDecimal.TEN).add(digit);
                    next = new Open(shape, negative, more, integerDigits + 1, NO_POINT);
                }
            }
            if (!next.equals(this) && next.isPossible()) {
                out.add(below.push(next));
            }
        }

        /** The smallest number, without the sign, that is long enough. */
        private BigDecimal smallest() {
            return (negative ? shape.most.negate() : shape.least).max(BigDecimal.ZERO);
        }

        private BigDecimal largest() {
            return negative ? shape.least.negate() : shape.most;
        }

        /** Whether some number between the bounds begins like this. */
        private boolean isPossible() {
            if (fractionDigits != NO_POINT) {
                return fractionDigits <= shape.decimals && meets(value, unit(fractionDigits));
            }
            if (value.signum() == 0) {
                boolean minusZero = negative && shape.decimals == 0;
                return !minusZero && meets(value, BigDecimal.ONE);
            }
            BigDecimal power = BigDecimal.ONE;
            for (int digits = integerDigits; digits <= MOST_DIGITS; digits++) {
                if (meets(value.multiply(power), power)) {
                    return true;
                }
                power = power.multiply(BigDecimal.TEN);
            }
            return false;
        }

        /** Whether a number between the bounds lies in a range that begins with one and is so long, its end not included. */
        private boolean meets(BigDecimal from, BigDecimal length) {
            BigDecimal last = from.add(length).subtract(unit(shape.decimals));
            return from.compareTo(largest()) <= 0 && last.compareTo(smallest()) >= 0;
        }

        @Override
        public boolean canEnd() {
            return integerDigits > 0
                    && fractionDigits != 0
                    && value.compareTo(smallest()) >= 0
                    && value.compareTo(largest()) <= 0;
        }
    }
}
