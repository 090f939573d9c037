package bita.decode;

import bita.model.ModelConfig;
import java.util.Optional;
import java.util.Random;

/** An adapter of random bigrams, for a model whose masks come from elsewhere. */
final class SomeBigrams {
    private SomeBigrams() {}

    static Optional<Adapter> adapter(ModelConfig model) {
        Random random = new Random(11);
        Bigrams.Counter counter = new Bigrams.Counter();
        for (int i = 0; i < 20 * model.vocabulary(); i++) {
            counter.count(random.nextInt(model.vocabulary()), random.nextInt(model.vocabulary()));
        }
        AdapterShape shape = new AdapterShape(
                model.architecture(), model.layers(), model.heads(), model.headDim(), model.hidden(), 0, 1);
        return Optional.of(Adapter.of(
                        "random bigrams",
                        shape,
                        Optional.empty(),
                        Calibration.none(),
                        new float[0],
                        new float[0],
                        new float[model.hidden()],
                        Optional.empty())
                .withBigrams(counter.result()));
    }
}
