package bita.spark;

import bita.api.store.CatalogModel;
import bita.api.store.ModelStore;
import bita.api.store.PullListener;
import bita.api.store.PullOptions;
import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.apache.spark.SparkFiles;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which model a job is about, how executors get it, and what computes. */
final class ModelChoice {
    @Parameters(
            arity = "0..1",
            paramLabel = "MODEL",
            description =
                    "A name that \"bita list\" knows, the path of a GGUF file or safetensors folder, the same on all"
                            + " machines, or a URI (hdfs://, s3a://), which comes with the job. Default: ${DEFAULT-VALUE}.")
    String model = CatalogModel.DEFAULT.id();

    @Option(
            names = "--distribute",
            description = "Bring the driver's file to the executors, for machines that do not have it.")
    boolean distribute;

    @Option(
            names = "--backend",
            paramLabel = "native|vector|scalar",
            description = "Who executes the kernels. Default: the fastest of each machine.")
    Optional<Backend> backend = Optional.empty();

    @Option(
            names = "--isa",
            paramLabel = "generic|neon|avx2|avx512|amx",
            description = "The native kernels' instruction set. Default: the best of each machine.")
    Optional<InstructionSet> isa = Optional.empty();

    @Option(names = "--offline", description = "Use only what lies on this machine.")
    boolean offline;

    /**
     * A model on this machine.
     *
     * @param file on the driver
     */
    record Found(Path file, ModelReference reference) {}

    /**
     * Finds the model, and lets it come with the job if need be.
     *
     * @param adapter as {@link ModelReference} has it
     */
    Found find(Cluster cluster, String adapter) throws IOException {
        boolean shipped = true;
        Path file;
        if (model.contains("://")) {
            cluster.spark().addFile(model);
            file = Path.of(SparkFiles.get(model.substring(model.lastIndexOf('/') + 1)));
        } else if (!Files.exists(Path.of(model)) && Files.exists(Path.of(SparkFiles.get(model)))) {
            file = Path.of(SparkFiles.get(model)); // spark-submit --files
        } else {
            file = ModelStore.ofUser()
                    .resolve(model, new PullOptions(offline), PullListener.NONE)
                    .toAbsolutePath();
            shipped = distribute;
            if (distribute) {
                cluster.spark().addFile(file.toString(), Files.isDirectory(file));
            }
        }
        String sha256 = ModelStore.ofUser().hashes().sha256(file);
        String name = shipped ? file.getFileName().toString() : file.toString();
        return new Found(file, ModelReference.of(name, shipped, sha256, adapter, backend, isa));
    }
}
