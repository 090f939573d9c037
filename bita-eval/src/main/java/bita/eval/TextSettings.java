package bita.eval;

import bita.decode.SamplingSettings;
import bita.kernels.CacheFormat;
import java.util.List;
import java.util.Locale;

/** What decides a text besides model and prompt: these settings are the reference's too. */
record TextSettings(SamplingSettings sampling, CacheFormat cacheFormat) {
    /** Ways to sample, one for each filter and seed. */
    static final List<SamplingSettings> SAMPLINGS = List.of(
            SamplingSettings.greedy(),
            new SamplingSettings(0.7, 0, 1, 0, 1),
            new SamplingSettings(1.0, 0, 0.9, 0, 2),
            new SamplingSettings(1.2, 40, 1, 0.05, 3));

    static final List<CacheFormat> CACHE_FORMATS = List.of(CacheFormat.values());

    static final TextSettings STANDARD = new TextSettings(SamplingSettings.greedy(), CacheFormat.F16);

    String describe() {
        return sampling.describe() + ", cache " + describe(cacheFormat);
    }

    static String describe(CacheFormat format) {
        return format.name().toLowerCase(Locale.ROOT);
    }
}
