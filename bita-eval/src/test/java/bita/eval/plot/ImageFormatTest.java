package bita.eval.plot;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ImageFormatTest {
    @Test
    void endingsNameFormats() {
        assertThat(ImageFormat.ofName("cost.svg")).contains(ImageFormat.SVG);
        assertThat(ImageFormat.ofName("/tmp/COST.PNG")).contains(ImageFormat.PNG);
        assertThat(ImageFormat.ofName("cost.jpg")).isEmpty();
        assertThat(ImageFormat.ofName("svg")).isEmpty();
    }
}
