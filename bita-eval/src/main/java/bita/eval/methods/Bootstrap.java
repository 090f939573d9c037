package bita.eval.methods;

import java.util.Arrays;
import java.util.Random;

/**
 * The 95 % interval of a ratio of sums, by the percentile bootstrap (Efron 1979, "Bootstrap methods: another look at the
 * jackknife"): as many prompts are drawn with replacement as there are, {@value #RESAMPLES} times, and of the ratios the
 * outermost fortieths are cut off at both ends. It tells how far the speedup depends on which prompts the suite happens
 * to hold; noise of the machine is in it as far as it differs from prompt to prompt. Of one prompt it is a point.
 */
final class Bootstrap {
    static final int RESAMPLES = 2000;
    private static final int CUT = RESAMPLES / 40;
    private static final long SEED = 1; // java.util.Random is specified: equal times give equal intervals everywhere

    private Bootstrap() {}

    /**
     * The speedup with its interval.
     *
     * @param plain  times of plain decoding, one per prompt
     * @param method times of the method for the same prompts
     */
    static ResultRow.Speedup speedup(double[] plain, double[] method) {
        Random random = new Random(SEED);
        double[] ratios = new double[RESAMPLES];
        for (int i = 0; i < RESAMPLES; i++) {
            double plainSum = 0;
            double methodSum = 0;
            for (int draw = 0; draw < plain.length; draw++) {
                int prompt = random.nextInt(plain.length);
                plainSum += plain[prompt];
                methodSum += method[prompt];
            }
            ratios[i] = plainSum / methodSum;
        }
        Arrays.sort(ratios);
        double ratio = Arrays.stream(plain).sum() / Arrays.stream(method).sum();
        return new ResultRow.Speedup(ratio, ratios[CUT], ratios[RESAMPLES - 1 - CUT]);
    }
}
