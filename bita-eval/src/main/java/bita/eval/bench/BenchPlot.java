package bita.eval.bench;

import bita.eval.plot.Drawing;
import bita.eval.plot.ImageFormat;

/**
 * Draws the result of a bench: milliseconds by rows, measured as lines with dots, the ideal dashed in the same colour.
 * Both axes are logarithmic: what costs as much for several rows as for one is level, what costs in proportion has the
 * slope of one, and a ratio is the same distance everywhere. {@link Drawing} says whether that can be done here.
 */
public final class BenchPlot {
    private BenchPlot() {}

    /**
     * Draws a result.
     *
     * @return the content of an image file
     */
    public static byte[] draw(BenchResult result, ImageFormat format) {
        return StepChart.draw(result, format);
    }
}
