package bita.tune.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import bita.decode.Adapter;
import bita.decode.AdapterShape;
import bita.decode.Bigrams;
import bita.decode.Calibration;
import bita.model.LearnedTokens;
import bita.model.ModelConfig;
import bita.model.RotaryOrder;
import bita.tune.data.AnsweredSet;
import java.util.Optional;
import java.util.stream.Stream;

/** Learned tokens as an adapter, whose keys have Hugging Face's order of head dimensions: rotary halves. */
public final class TunedAdapter {
    private TunedAdapter() {}

    /** What follows what in a set's answers, those for validation too: it is counted, not learned from some to foresee others. */
    public static Bigrams bigrams(AnsweredSet set) {
        Bigrams.Counter counter = new Bigrams.Counter();
        Stream.concat(set.training().stream(), set.validation().stream()).forEach(example -> {
            int[] tokens = example.tokenIds();
            for (int i = example.promptLength(); i < tokens.length; i++) {
                counter.count(tokens[i - 1], tokens[i]);
            }
        });
        return counter.result();
    }

    /**
     * Makes an adapter.
     *
     * @param origin      where it comes from, for messages
     * @param modelSha256 of the model file
     * @param calibration how often the tokens were right
     * @param bigrams     of the answers
     */
    public static Adapter of(
            String origin,
            ModelConfig model,
            String modelSha256,
            LearnedTokens tokens,
            Calibration calibration,
            Bigrams bigrams) {
        AdapterShape shape = new AdapterShape(
                model.architecture(),
                model.layers(),
                model.heads(),
                model.headDim(),
                model.hidden(),
                tokens.prompts(),
                tokens.masks());
        RotaryOrder order = RotaryOrder.of(model);
        return Adapter.of(
                        origin,
                        shape,
                        Optional.of(modelSha256),
                        calibration,
                        order.halves(tokens.promptKeys().toArray(JAVA_FLOAT), 1),
                        tokens.promptValues().toArray(JAVA_FLOAT),
                        tokens.maskEmbeddings().toArray(JAVA_FLOAT),
                        tokens.lowRank().map(added -> added.withHeads(rows -> order.halves(rows, tokens.rank()))))
                .withBigrams(bigrams);
    }
}
