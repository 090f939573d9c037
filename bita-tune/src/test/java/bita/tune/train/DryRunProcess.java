package bita.tune.train;

import bita.kernels.Kernels;
import bita.kernels.KernelsProvider;
import bita.kernels.NumberFormat;
import bita.kernels.ThreadTeam;
import bita.model.Engine;
import bita.model.ModelConfig;
import bita.model.Transformer;
import java.util.Optional;

/** Another process that measures what tuning costs, and says what memory was stated for it. */
final class DryRunProcess {
    private DryRunProcess() {}

    public static void main(String[] args) throws InterruptedException {
        // Much memory for little arithmetic.
        ModelConfig config = ModelConfig.llama(3, 256, 512, 4, 4, 64, 4096, 1 << 20, 10_000, 1e-5f);
        TrainingSettings settings =
                new TrainingSettings(16, 8, 0, 768, 4, 1, 10, 1e-2, 1e-3, 0, 1, 4, LossFunction.CROSS_ENTROPY, 1000, 1);
        Kernels kernels = KernelsProvider.best().kernels();
        long weights = Transformer.bytes(config, NumberFormat.F32);
        try (ThreadTeam team = new ThreadTeam(2);
                Transformer model = Transformer.random(config, NumberFormat.F32, kernels, team, (_, _) -> {})) {
            TuningMemory memory = TuningMemory.of(config, settings, 2, weights, 0);
            Engine engine = new Engine(model, kernels, team, Optional.empty());
            DryRun.run(engine, settings, Tuning.ValidationSettings.DEFAULT, (_, _) -> {});
            System.out.println(memory.total() + " " + (memory.total() - memory.java()));
        }
    }
}
