package bita.eval.plot;

import bita.eval.plot.TuningCurves.Point;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The charts of {@link TuningPlot}, apart from it since this class cannot even be loaded where there is no AWT. */
final class TuningChart {
    /** Masks in one picture at most; lines of more could not be told apart. */
    private static final int MOST_MASKS = 4;
    /** Points of a curve at most: there are no more pixels. */
    private static final int MOST_POINTS = 800;
    /** Marks and dashes of a curve at most, so that they do not run together. */
    private static final int MOST_MARKS = 60;
    /** The smoothed loss of a step looks at a twentieth of the run before and behind it, but at a few steps at least. */
    private static final int SMOOTHING = 20;

    private static final int LEAST_REACH = 5;

    private static final int WIDTH = 900;
    private static final int HEIGHT = 330;
    /** Room for the numbers at the left: as much in every chart, so that their steps are below each other. */
    private static final int NUMBERS_WIDTH = 60;

    private static final double MARGIN = 0.0123; // of the steps
    private static final int X_SPACING = 70;
    private static final int Y_SPACING = 40;
    private static final double SHARE_GRID = 20; // per cent
    private static final int MARKER_SIZE = 6;
    private static final Color FAINT = new Color(0xB0CFE3);
    private static final Color GRID = new Color(0xDDDDDD);

    private TuningChart() {}

    static byte[] draw(TuningCurves curves, ImageFormat format) {
        return Charts.draw(charts(curves), format);
    }

    static List<XYChart> charts(TuningCurves curves) {
        List<XYChart> charts = new ArrayList<>();
        charts.add(loss(curves));
        if (!curves.masks().isEmpty()) {
            charts.add(masks(curves));
        }
        if (!curves.chain().isEmpty()) {
            charts.add(tokensPerStep(curves));
        }
        return charts;
    }

    private static XYChart loss(TuningCurves curves) {
        XYChart chart = chart("Loss", "cross-entropy (nats)", curves);
        if (!curves.training().isEmpty()) {
            XYSeries steps =
                    add(chart, "training, each step", Charts.some(curves.training(), MOST_POINTS), Point::value);
            steps.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
            steps.setMarker(SeriesMarkers.CIRCLE).setMarkerColor(FAINT);
            Charts.solid(
                    add(chart, "training, smoothed", smoothed(curves.training()), Point::value),
                    Charts.COLOURS.getFirst(),
                    SeriesMarkers.NONE);
        }
        solid(chart, "validation", curves.validation(), Charts.COLOURS.get(1), Point::value);
        List<Double> losses = Stream.concat(curves.training().stream(), curves.validation().stream())
                .map(Point::value)
                .toList();
        double lowest = losses.isEmpty() ? 0 : Math.floor(Collections.min(losses));
        double highest = losses.isEmpty() ? 1 : Math.ceil(Collections.max(losses));
        limits(chart, lowest, Math.max(lowest + 1, highest));
        return chart;
    }

    private static XYChart masks(TuningCurves curves) {
        XYChart chart = chart(
                "Validation: how often each mask is right (solid: top-1, dashed: top-5)",
                "share of predictions (%)",
                curves);
        List<Integer> shown =
                Charts.some(IntStream.range(0, curves.masks().size()).boxed().toList(), MOST_MASKS);
        double highest = 0;
        for (int i = 0; i < shown.size(); i++) {
            TuningCurves.Mask mask = curves.masks().get(shown.get(i));
            String name = "mask " + (shown.get(i) + 1);
            solid(chart, name, mask.top1(), Charts.COLOURS.get(i), TuningChart::percent);
            if (!mask.top5().isEmpty()) {
                XYSeries top5 =
                        add(chart, name + ", top-5", Charts.some(mask.top5(), MOST_MARKS), TuningChart::percent);
                Charts.dashed(top5, Charts.COLOURS.get(i));
                top5.setShowInLegend(false); // the title says it
                highest = Math.max(highest, top5.getYMax());
            }
        }
        limits(chart, 0, Math.clamp(SHARE_GRID * Math.ceil(highest / SHARE_GRID), SHARE_GRID, 100));
        return chart;
    }

    private static XYChart tokensPerStep(TuningCurves curves) {
        XYChart chart = chart("Validation: tokens per step of simulated decoding", "tokens per step", curves);
        solid(chart, "upper triangle", curves.upperTriangle(), Charts.COLOURS.get(1), Point::value);
        solid(chart, "chain", curves.chain(), Charts.COLOURS.getFirst(), Point::value);
        double highest = Stream.concat(curves.upperTriangle().stream(), curves.chain().stream())
                .mapToDouble(Point::value)
                .max()
                .orElse(1);
        limits(chart, 1, Math.max(1.5, Math.ceil(2 * highest) / 2));
        return chart;
    }

    private static XYChart chart(String title, String unit, TuningCurves curves) {
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(title)
                .xAxisTitle("step")
                .yAxisTitle(unit)
                .build();
        XYStyler styler = chart.getStyler();
        Charts.style(styler);
        styler.setChartTitleFont(font(Font.BOLD, 14)).setLegendFont(font(Font.PLAIN, 12));
        styler.setAxisTitleFont(font(Font.PLAIN, 13)).setAxisTickLabelsFont(font(Font.PLAIN, 12));
        styler.setPlotBorderVisible(false).setMarkerSize(MARKER_SIZE);
        styler.setPlotGridLinesColor(GRID).setPlotGridLinesStroke(new BasicStroke(1));
        styler.setAxisTickMarksColor(GRID);
        styler.setLegendPosition(Styler.LegendPosition.OutsideS).setLegendLayout(Styler.LegendLayout.Horizontal);
        styler.setYAxisLeftWidthHint(NUMBERS_WIDTH);
        // A margin, and not of whole steps: of equally spaced values XChart makes the ticks, however crooked they are.
        double margin = MARGIN * curves.steps();
        styler.setXAxisMin(-margin).setXAxisMax(curves.steps() + margin);
        styler.setXAxisTickMarkSpacingHint(X_SPACING).setYAxisTickMarkSpacingHint(Y_SPACING);
        styler.setXAxisDecimalPattern("#,##0");
        return chart;
    }

    private static Font font(int style, int size) {
        return new Font(Font.SANS_SERIF, style, size);
    }

    /** XChart's own would be those of the values, which makes nothing of a single one. */
    private static void limits(XYChart chart, double lowest, double highest) {
        chart.getStyler().setYAxisMin(lowest).setYAxisMax(highest);
    }

    private static void solid(
            XYChart chart, String name, List<Point> points, Color colour, ToDoubleFunction<Point> value) {
        if (!points.isEmpty()) {
            Charts.solid(add(chart, name, Charts.some(points, MOST_MARKS), value), colour, SeriesMarkers.CIRCLE);
        }
    }

    private static XYSeries add(XYChart chart, String name, List<Point> points, ToDoubleFunction<Point> value) {
        return chart.addSeries(
                name,
                points.stream().mapToDouble(Point::step).toArray(),
                points.stream().mapToDouble(value).toArray());
    }

    private static double percent(Point point) {
        return 100 * point.value();
    }

    /** A local linear fit: unlike a mean it neither lags where the loss falls steeply nor jumps at the ends. */
    private static List<Point> smoothed(List<Point> points) {
        double reach = Math.max(LEAST_REACH, points.size() / (double) SMOOTHING);
        return Charts.some(IntStream.range(0, points.size()).boxed().toList(), MOST_POINTS).stream()
                .map(i -> new Point(points.get(i).step(), fit(points, i, reach)))
                .toList();
    }

    /** What the weighted least squares line through a point's surroundings is at the point; weights are tricube. */
    private static double fit(List<Point> points, int centre, double reach) {
        double sum = 0;
        double sumX = 0;
        double sumY = 0;
        double sumXx = 0;
        double sumXy = 0;
        int first = Math.max(0, centre - (int) reach);
        int last = Math.min(points.size() - 1, centre + (int) reach);
        for (int i = first; i <= last; i++) {
            double x = (i - centre) / (reach + 1);
            double y = points.get(i).value();
            double weight = Math.pow(1 - Math.pow(Math.abs(x), 3), 3);
            sum += weight;
            sumX += weight * x;
            sumY += weight * y;
            sumXx += weight * x * x;
            sumXy += weight * x * y;
        }
        double spread = sum * sumXx - sumX * sumX;
        return spread > 0 ? (sumXx * sumY - sumX * sumXy) / spread : sumY / sum;
    }
}
