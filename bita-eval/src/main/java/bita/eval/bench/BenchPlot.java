package bita.eval.bench;

import java.awt.Font;
import java.awt.image.BufferedImage;
import java.util.Locale;
import java.util.Optional;

/**
 * Draws the result of a bench: milliseconds by rows, measured as lines with dots, the ideal dashed in the same colour.
 * Both axes are logarithmic: what costs as much for several rows as for one is level, what costs in proportion has the
 * slope of one, and a ratio is the same distance everywhere. Nothing else in the program needs AWT.
 */
public final class BenchPlot {
    /** Kinds of image files. */
    public enum ImageFormat {
        PNG,
        SVG;

        /** The kind that the ending of a file name asks for. */
        public static Optional<ImageFormat> ofName(String name) {
            String lower = name.toLowerCase(Locale.ROOT);
            for (ImageFormat format : values()) {
                if (lower.endsWith(format.ending())) {
                    return Optional.of(format);
                }
            }
            return Optional.empty();
        }

        private String ending() {
            return "." + name().toLowerCase(Locale.ROOT);
        }
    }

    private BenchPlot() {}

    /**
     * Finds out whether this machine can draw letters, which Java leaves to libraries of the system.
     *
     * @throws UnsupportedOperationException if not; the message says what to do
     */
    public static void requireFonts() {
        try {
            BufferedImage image = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB);
            image.createGraphics()
                    .getFontMetrics(new Font(Font.SANS_SERIF, Font.PLAIN, 12))
                    .stringWidth("rows");
        } catch (LinkageError | InternalError | RuntimeException e) {
            throw new UnsupportedOperationException(
                    "Java cannot draw pictures here (" + e + "): install fontconfig and a font such as DejaVu, or leave"
                            + " out --plot",
                    e);
        }
    }

    /**
     * Draws a result.
     *
     * @return the content of an image file
     */
    public static byte[] draw(BenchResult result, ImageFormat format) {
        return StepChart.draw(result, format.name().toLowerCase(Locale.ROOT));
    }
}
