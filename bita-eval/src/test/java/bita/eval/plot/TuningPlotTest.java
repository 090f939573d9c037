package bita.eval.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import bita.eval.plot.TuningCurves.Mask;
import bita.eval.plot.TuningCurves.Point;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;

class TuningPlotTest {
    private static final int HEIGHT = 330; // of a chart
    private static final int FAINT = 0xB0CFE3;

    private static List<Point> points(int from, int to, int every, IntToDoubleFunction value) {
        return IntStream.rangeClosed(from, to)
                .filter(step -> step % every == 0)
                .mapToObj(step -> new Point(step, value.applyAsDouble(step)))
                .toList();
    }

    /** The loss falls along a line, with a zigzag of the steps. */
    private static TuningCurves curves(int masks, int made, int steps) {
        return new TuningCurves(
                steps,
                points(1, made, 1, step -> loss(step, steps) + (step % 2 == 0 ? 0.5 : -0.5)),
                points(0, made, 25, step -> loss(step, steps)),
                IntStream.range(0, masks)
                        .mapToObj(mask -> new Mask(
                                points(0, made, 25, step -> 0.4 / (mask + 1)),
                                points(0, made, 25, step -> 0.7 / (mask + 1))))
                        .toList(),
                points(0, made, 25, step -> 1.25),
                points(0, made, 25, step -> 1.75));
    }

    private static double loss(int step, int steps) {
        return 8 - 4.0 * step / steps;
    }

    private static BufferedImage png(TuningCurves curves) throws IOException {
        return ImageIO.read(new ByteArrayInputStream(TuningPlot.draw(curves, ImageFormat.PNG)));
    }

    /** Of one of the charts that are drawn below each other. */
    private static Set<Integer> colours(BufferedImage image, int chart) {
        Set<Integer> colours = new TreeSet<>();
        for (int y = chart * HEIGHT; y < (chart + 1) * HEIGHT; y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                colours.add(image.getRGB(x, y) & 0xffffff);
            }
        }
        return colours;
    }

    private static List<String> names(XYChart chart) {
        return chart.getSeriesCollection().stream().map(XYSeries::getName).toList();
    }

    private static XYSeries series(XYChart chart, String name) {
        return chart.getSeriesCollection().stream()
                .filter(series -> series.getName().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void hasACurveForEachFigure() {
        List<XYChart> charts = TuningChart.charts(curves(2, 100, 150));

        assertThat(charts).extracting(XYChart::getTitle).hasSize(3).doesNotHaveDuplicates();
        assertThat(names(charts.get(0))).containsExactly("training, each step", "training, smoothed", "validation");
        assertThat(names(charts.get(1))).containsExactly("mask 1", "mask 1, top-5", "mask 2", "mask 2, top-5");
        assertThat(series(charts.get(1), "mask 2, top-5").getYData()).containsOnly(35);
        assertThat(names(charts.get(2))).containsExactly("upper triangle", "chain");
        assertThat(series(charts.get(2), "chain").getXData()).containsExactly(0, 25, 50, 75, 100);
    }

    @Test
    void drawsTheChartsBelowEachOther() throws IOException {
        BufferedImage image = png(curves(3, 100, 150));

        assertThat(image.getHeight()).isEqualTo(3 * HEIGHT);
        assertThat(colours(image, 0)).contains(FAINT, 0x0072B2, 0xD55E00).doesNotContain(0x009E73);
        assertThat(colours(image, 1)).contains(0x0072B2, 0xD55E00, 0x009E73).doesNotContain(FAINT);
        assertThat(colours(image, 2)).contains(0x0072B2, 0xD55E00).doesNotContain(FAINT, 0x009E73);
    }

    /** Letters are outlines, so that a picture looks alike where other fonts are installed. */
    @Test
    void svgNeedsNothingElse() {
        String svg = new String(TuningPlot.draw(curves(3, 100, 150), ImageFormat.SVG), StandardCharsets.UTF_8);

        assertThat(svg)
                .contains("<svg ", "height=\"990px\"", "rgb(176,207,227)")
                .endsWith("</svg>\n");
        assertThat(svg).doesNotContain("<text", "<image", "href=\"");
    }

    /** A mean would lie above a falling line at its beginning, and below at its end. */
    @Test
    void smoothedLossFollowsTheFallUpToTheEnds() {
        XYSeries smoothed = series(TuningChart.charts(curves(3, 150, 150)).getFirst(), "training, smoothed");

        for (int i = 0; i < 150; i++) {
            assertThat(smoothed.getYData()[i])
                    .isCloseTo(loss(i + 1, 150), Offset.offset(i < 5 || i > 144 ? 0.3 : 0.05));
        }
    }

    @Test
    void drawsWhatThereIs() throws IOException {
        TuningCurves nothing = new TuningCurves(10, List.of(), List.of(), List.of(), List.of(), List.of());
        TuningCurves unmeasured =
                new TuningCurves(1, points(1, 1, 1, step -> 3), List.of(), List.of(), List.of(), List.of());

        assertThat(png(nothing).getHeight()).isEqualTo(HEIGHT);
        assertThat(colours(png(unmeasured), 0)).contains(FAINT);
        assertThat(colours(png(curves(3, 0, 150)), 2)).contains(0x0072B2, 0xD55E00);
    }

    @Test
    void ofLongRunsAndManyMasksShowsSome() {
        List<XYChart> charts = TuningChart.charts(curves(64, 20_000, 1 << 24));

        assertThat(series(charts.get(0), "training, each step").getXData()).hasSize(800);
        assertThat(series(charts.get(0), "training, smoothed").getXData()).hasSize(800);
        assertThat(series(charts.get(0), "validation").getXData()).hasSize(60).endsWith(20_000);
        assertThat(names(charts.get(1)))
                .containsExactly(
                        "mask 1",
                        "mask 1, top-5",
                        "mask 22",
                        "mask 22, top-5",
                        "mask 43",
                        "mask 43, top-5",
                        "mask 64",
                        "mask 64, top-5");
        assertThat(Charts.some(List.of(1, 2, 3, 4), 4)).containsExactly(1, 2, 3, 4);
    }

    @Test
    void refusesWhatIsNoPoint() {
        assertThatThrownBy(() -> new Point(-1, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Point(1, Double.NaN)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new TuningCurves(0, List.of(), List.of(), List.of(), List.of(), List.of()))
                .hasMessageContaining("at least 1 step");
    }

    @Test
    void thereAreFontsHere() {
        assertThat(Drawing.problem()).isEmpty();
    }
}
