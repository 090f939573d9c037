package bita.eval.bench;

import bita.eval.plot.Charts;
import bita.eval.plot.ImageFormat;
import java.awt.Color;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The chart of {@link BenchPlot}, apart from it since this class cannot even be loaded where there is no AWT. */
final class StepChart {
    /** Contexts in one picture at most; a line more for each, and its ideal, could not be told apart. */
    static final int MOST_CONTEXTS = 4;

    private static final int WIDTH = 1000;
    private static final int HEIGHT = 600;
    /** Pixels between ticks, so that there is one for each power of two. */
    private static final int X_SPACING = 80;

    private static final int Y_SPACING = 60;
    /** Letters of a model's name that the title has room for. */
    private static final int MOST_LETTERS = 60;

    private StepChart() {}

    /** Draws a result. */
    static byte[] draw(BenchResult result, ImageFormat format) {
        return Charts.draw(List.of(chart(result)), format);
    }

    private static XYChart chart(BenchResult result) {
        List<ContextFigures> contexts = Charts.some(result.contexts(), MOST_CONTEXTS);
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(shortened(result.model()) + ", " + BenchReport.kernels(result))
                .xAxisTitle("rows of a step")
                .yAxisTitle("milliseconds")
                .build();
        for (int i = 0; i < contexts.size(); i++) {
            ContextFigures figures = contexts.get(i);
            String name = "step, context " + figures.context();
            add(chart, name, figures, Charts.COLOURS.get(i), row -> row.stepMs(), ContextFigures.Ideal::stepMs);
        }
        add(
                chart,
                "products",
                contexts.getFirst(),
                Charts.DARK,
                row -> row.productsMs(),
                ContextFigures.Ideal::productsMs);
        style(chart);
        return chart;
    }

    private static String shortened(String name) {
        return name.length() <= MOST_LETTERS ? name : name.substring(0, MOST_LETTERS - 1) + "…";
    }

    private static void add(
            XYChart chart,
            String name,
            ContextFigures figures,
            Color colour,
            ToDoubleFunction<ContextFigures.RowFigures> measured,
            ToDoubleFunction<ContextFigures.Ideal> ideal) {
        List<ContextFigures.RowFigures> rows = figures.rows();
        double[] x = rows.stream().mapToDouble(row -> log2(row.rows())).toArray();
        XYSeries line = chart.addSeries(
                name,
                x,
                rows.stream()
                        .mapToDouble(row -> log2(measured.applyAsDouble(row)))
                        .toArray());
        Charts.solid(line, colour, SeriesMarkers.CIRCLE);
        double[] best = rows.stream()
                .flatMap(row -> row.ideal().stream())
                .mapToDouble(row -> log2(ideal.applyAsDouble(row)))
                .toArray();
        if (best.length == x.length) {
            Charts.dashed(chart.addSeries(name + ", ideal", x, best), colour);
        }
    }

    /** XChart's own logarithmic axes know decades only, which here are one or two: these are of powers of two. */
    private static void style(XYChart chart) {
        XYStyler styler = chart.getStyler();
        Charts.style(styler);
        double lowest = Double.MAX_VALUE;
        double highest = -Double.MAX_VALUE;
        double mostRows = 0;
        for (XYSeries series : chart.getSeriesCollection()) {
            lowest = Math.min(lowest, series.getYMin());
            highest = Math.max(highest, series.getYMax());
            mostRows = Math.max(mostRows, series.getXMax());
        }
        styler.setXAxisMin(0.0).setXAxisMax(Math.max(1, Math.ceil(mostRows)));
        styler.setYAxisMin(Math.floor(lowest)).setYAxisMax(Math.max(Math.floor(lowest) + 1, Math.ceil(highest)));
        styler.setXAxisTickMarkSpacingHint(X_SPACING).setYAxisTickMarkSpacingHint(Y_SPACING);
        styler.setXAxisTickLabelsFormattingFunction(StepChart::powerOfTwo);
        styler.setYAxisTickLabelsFormattingFunction(StepChart::powerOfTwo);
        styler.setLegendPosition(Styler.LegendPosition.OutsideE);
    }

    private static double log2(double x) {
        return Math.log(x) / Math.log(2);
    }

    private static String powerOfTwo(double exponent) {
        if (exponent != Math.rint(exponent)) {
            return "";
        }
        String number = String.format(Locale.ROOT, "%.6f", Math.scalb(1.0, (int) exponent));
        return number.replaceFirst("\\.?0+$", "");
    }
}
