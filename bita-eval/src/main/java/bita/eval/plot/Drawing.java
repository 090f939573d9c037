package bita.eval.plot;

import java.awt.Font;
import java.awt.image.BufferedImage;
import java.util.Optional;

/** Whether this machine can draw. */
public final class Drawing {
    private Drawing() {}

    /**
     * Finds out whether this machine can draw letters, which Java leaves to libraries of the system.
     *
     * @return why not, and what to do; empty if it can
     */
    public static Optional<String> problem() {
        try {
            BufferedImage image = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB);
            image.createGraphics()
                    .getFontMetrics(new Font(Font.SANS_SERIF, Font.PLAIN, 12))
                    .stringWidth("rows");
            return Optional.empty();
        } catch (LinkageError | InternalError | RuntimeException e) {
            return Optional.of(
                    "Java cannot draw pictures here (" + e + "): install fontconfig and a font such as DejaVu");
        }
    }
}
