package bita.api.json;

/** Bytes that grow at their end, sharing their beginning. Immutable. */
final class Text {
    /** Without bytes. */
    static final Text EMPTY = new Text();

    private final Text beginning;
    private final int last;
    private final int length;
    private final int hash;

    private Text() {
        beginning = this;
        last = 0;
        length = 0;
        hash = 0;
    }

    private Text(Text beginning, int last) {
        this.beginning = beginning;
        this.last = last;
        length = beginning.length + 1;
        hash = 31 * beginning.hash + last;
    }

    Text append(int b) {
        return new Text(this, b);
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Text o) || length != o.length || hash != o.hash) {
            return false;
        }
        Text mine = this;
        Text theirs = o;
        while (mine != theirs && mine.last == theirs.last) {
            mine = mine.beginning;
            theirs = theirs.beginning;
        }
        return mine == theirs;
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
