package bita.eval.plot;

import java.util.Locale;
import java.util.Optional;

/** Kinds of image files. */
public enum ImageFormat {
    PNG,
    SVG;

    /** The kind that the ending of a file name asks for. */
    public static Optional<ImageFormat> ofName(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        for (ImageFormat format : values()) {
            if (lower.endsWith("." + format.name().toLowerCase(Locale.ROOT))) {
                return Optional.of(format);
            }
        }
        return Optional.empty();
    }
}
