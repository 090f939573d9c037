package bita.api.json;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/** Where something stands in a schema. */
record Pointer(Optional<Pointer> parent, String name) {
    private static final int MOST_CHARACTERS = 60;

    static final Pointer ROOT = new Pointer(Optional.empty(), "");

    Pointer child(String childName) {
        return new Pointer(Optional.of(this), childName);
    }

    Pointer child(int index) {
        return child(Integer.toString(index));
    }

    /** A name as messages have it. */
    static String shortened(String name) {
        return name.length() <= MOST_CHARACTERS ? name : name.substring(0, MOST_CHARACTERS) + "...";
    }

    /** As a JSON pointer in a fragment; very long names are cut. */
    @Override
    public String toString() {
        Deque<String> names = new ArrayDeque<>();
        for (Pointer at = this; at.parent.isPresent(); at = at.parent.get()) {
            names.addFirst(shortened(at.name.replace("~", "~0").replace("/", "~1")));
        }
        return names.isEmpty() ? "#" : "#/" + String.join("/", names);
    }
}
