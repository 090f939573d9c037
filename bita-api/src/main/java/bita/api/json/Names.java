package bita.api.json;

/** Names that an object has. Immutable. */
final class Names {
    static final Names NONE = new Names();

    private final Names others;
    private final Text name;
    private final int count;
    private final int hash;

    private Names() {
        others = this;
        name = Text.EMPTY;
        count = 0;
        hash = 0;
    }

    private Names(Names others, Text name) {
        this.others = others;
        this.name = name;
        count = others.count + 1;
        hash = 31 * others.hash + name.hashCode();
    }

    Names with(Text another) {
        return new Names(this, another);
    }

    boolean has(Text wanted) {
        for (Names at = this; at.count > 0; at = at.others) {
            if (at.name.equals(wanted)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Names o) || count != o.count || hash != o.hash) {
            return false;
        }
        Names mine = this;
        Names theirs = o;
        while (mine != theirs && mine.name.equals(theirs.name)) {
            mine = mine.others;
            theirs = theirs.others;
        }
        return mine == theirs;
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
