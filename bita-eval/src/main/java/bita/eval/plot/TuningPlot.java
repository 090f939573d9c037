package bita.eval.plot;

/**
 * Draws how a tuning run goes: the loss, how often each mask is right, and tokens per step, one below the other over the
 * same steps. {@link Drawing} says whether that can be done here.
 */
public final class TuningPlot {
    private TuningPlot() {}

    /**
     * Draws the curves; what there are no points of is left out.
     *
     * @return the content of an image file
     */
    public static byte[] draw(TuningCurves curves, ImageFormat format) {
        return TuningChart.draw(curves, format);
    }
}
