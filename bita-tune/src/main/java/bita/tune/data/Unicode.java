package bita.tune.data;

import java.nio.charset.StandardCharsets;

/** Which texts have a UTF-8 form. */
final class Unicode {
    private Unicode() {}

    /** Whether all surrogates come in pairs. */
    static boolean isValid(String text) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(text);
    }
}
