package bita.eval.bench;

import static org.assertj.core.api.Assertions.assertThat;

import bita.eval.plot.ImageFormat;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class BenchPlotTest {
    /** The three contexts' and the products'. */
    private static final int LINES = 4;

    private static final Set<Integer> COLOURS = Set.of(0x0072B2, 0xD55E00, 0x009E73, 0x404040);

    private static BenchResult result(Limits limits) {
        return Results.of(limits, 256, 1024, 4096);
    }

    private static BufferedImage png(BenchResult result) throws IOException {
        return ImageIO.read(new ByteArrayInputStream(BenchPlot.draw(result, ImageFormat.PNG)));
    }

    private static Set<Integer> colours(BufferedImage image) {
        Set<Integer> colours = new TreeSet<>();
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                colours.add(image.getRGB(x, y) & 0xffffff);
            }
        }
        return colours;
    }

    private static int dashedLines(BenchResult result) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
        factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
        Document svg =
                factory.newDocumentBuilder().parse(new ByteArrayInputStream(BenchPlot.draw(result, ImageFormat.SVG)));
        assertThat(svg.getDocumentElement().getTagName()).isEqualTo("svg");
        NodeList lines = svg.getElementsByTagName("line");
        return (int) IntStream.range(0, lines.getLength())
                .mapToObj(i -> ((Element) lines.item(i)).getAttribute("style"))
                .filter(style -> style.contains("stroke-dasharray:6,4"))
                .count();
    }

    @Test
    void pngShowsEveryLine() throws IOException {
        BufferedImage image = png(result(Results.MEASURED));

        assertThat(image.getWidth()).isEqualTo(1000);
        assertThat(image.getHeight()).isEqualTo(600);
        assertThat(colours(image)).containsAll(COLOURS);
    }

    @Test
    void svgHasIdealsOnlyWhereTheyAreKnown() throws Exception {
        // Of each, two pieces between three numbers of rows, and one in the legend.
        assertThat(dashedLines(result(Results.MEASURED))).isEqualTo(3 * LINES);
        assertThat(dashedLines(result(Results.UNKNOWN))).isZero();
    }

    @Test
    void drawsOneRowAlone() throws IOException {
        BenchResult one = Results.with(result(Results.MEASURED), List.of(Results.figures(256, Results.MEASURED, 1)));

        assertThat(colours(png(one))).contains(0x0072B2, 0x404040);
    }

    @Test
    void drawsVeryShortTimesAndLongNames() throws IOException {
        ContextFigures.RowFigures fast = new ContextFigures.RowFigures(1, 1e-4, 1e-5, java.util.Optional.empty());
        ContextFigures.RowFigures slow = new ContextFigures.RowFigures(1024, 1e6, 1e5, java.util.Optional.empty());
        BenchResult odd = Results.with(
                Results.of(Results.UNKNOWN, 1), List.of(new ContextFigures(0, 0, 1, 1, List.of(fast, slow))));

        assertThat(colours(png(odd))).contains(0x0072B2, 0x404040);
    }

    @Test
    void ofManyContextsShowsSome() throws IOException {
        List<ContextFigures> many = IntStream.rangeClosed(1, 20)
                .mapToObj(i -> Results.figures(100 * i, Results.MEASURED, 1, 8))
                .toList();

        assertThat(colours(png(Results.with(result(Results.MEASURED), many)))).containsAll(COLOURS);
    }
}
