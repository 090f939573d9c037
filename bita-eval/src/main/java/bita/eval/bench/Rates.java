package bita.eval.bench;

import bita.kernels.CacheFormat;
import bita.model.KvCache;
import bita.model.ModelConfig;

/**
 * The machine's limits as times are made from them.
 *
 * @param bytesPerSecond  of a read sweep
 * @param secondsPerRow   for the multiplications of one row, with the weights in the cache
 * @param floatsPerSecond multiplications with additions of f32 numbers on registers
 */
record Rates(double bytesPerSecond, double secondsPerRow, double floatsPerSecond) {
    /**
     * What a step costs at these rates.
     *
     * @param weightBytes bytes of all matrices
     * @param context     tokens in the cache
     * @param rows        of the step, a chain
     */
    ContextFigures.Ideal ideal(long weightBytes, ModelConfig config, CacheFormat format, int context, int rows) {
        double products = Math.max(weightBytes / bytesPerSecond, rows * secondsPerRow);
        double read = KvCache.bytes(config, format, context + rows) / bytesPerSecond;
        // Row i of a chain sees the context, the i rows before it and itself: a score and a weighted value of each.
        double seen = rows * (context + (rows + 1) / 2.0);
        double multiplied = 2.0 * config.layers() * config.heads() * config.headDim() * seen;
        double attention = Math.max(read, multiplied / floatsPerSecond);
        return new ContextFigures.Ideal(1e3 * (products + attention), 1e3 * products);
    }
}
