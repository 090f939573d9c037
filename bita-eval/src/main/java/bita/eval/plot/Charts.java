package bita.eval.plot;

import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import de.erichseifert.vectorgraphics2d.svg.SVGProcessor;
import de.erichseifert.vectorgraphics2d.util.PageSize;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** What charts have in common. This class cannot even be loaded where there is no AWT. */
public final class Charts {
    /** Distinguishable with every kind of colour vision (Okabe and Ito, "Color Universal Design", 2008). */
    public static final List<Color> COLOURS =
            List.of(new Color(0x0072B2), new Color(0xD55E00), new Color(0x009E73), new Color(0xCC79A7));

    /** For a curve that is no member of a family. */
    public static final Color DARK = new Color(0x404040);

    private static final BasicStroke SOLID = new BasicStroke(2.2f, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND);
    private static final BasicStroke DASHED =
            new BasicStroke(1.5f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, new float[] {6, 4}, 0);

    private Charts() {}

    /** Members of a family of curves: all or, of too many, some from the first to the last. */
    public static <T> List<T> some(List<T> all, int most) {
        return all.size() <= most
                ? all
                : IntStream.range(0, most)
                        .mapToObj(i -> all.get((int) ((long) i * (all.size() - 1) / (most - 1))))
                        .toList();
    }

    /** A line, with a mark for each value or none. */
    public static void solid(XYSeries series, Color colour, Marker marker) {
        series.setLineColor(colour).setLineStyle(SOLID);
        series.setMarkerColor(colour).setMarker(marker);
    }

    /** A dashed line. */
    public static void dashed(XYSeries series, Color colour) {
        series.setLineColor(colour).setLineStyle(DASHED);
        series.setMarker(SeriesMarkers.NONE);
    }

    /** White, since a picture is shown on grounds that nobody knows, and the same in every country. */
    public static void style(XYStyler styler) {
        styler.setChartBackgroundColor(Color.WHITE).setLegendBorderColor(Color.WHITE);
        styler.setLocale(Locale.ROOT);
    }

    /**
     * Draws charts of one width, one below the other.
     *
     * @return the content of an image file
     */
    public static byte[] draw(List<XYChart> charts, ImageFormat format) {
        int width = charts.getFirst().getWidth();
        int height = charts.stream().mapToInt(XYChart::getHeight).sum();
        ByteArrayOutputStream image = new ByteArrayOutputStream();
        try {
            switch (format) {
                case PNG -> {
                    BufferedImage pixels = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
                    paint(charts, pixels.createGraphics());
                    ImageIO.write(pixels, "png", image);
                }
                case SVG -> {
                    VectorGraphics2D graphics = new VectorGraphics2D();
                    paint(charts, graphics);
                    new SVGProcessor()
                            .getDocument(graphics.getCommands(), new PageSize(0, 0, width, height))
                            .writeTo(image);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("memory can always be written", e);
        }
        return image.toByteArray();
    }

    private static void paint(List<XYChart> charts, Graphics2D graphics) {
        AffineTransform place = graphics.getTransform();
        for (XYChart chart : charts) {
            graphics.setTransform(place);
            graphics.setClip(null);
            chart.paint(graphics, chart.getWidth(), chart.getHeight());
            place.translate(0, chart.getHeight());
        }
    }
}
