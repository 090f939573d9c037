package bita.spark;

import bita.kernels.Backend;
import bita.kernels.InstructionSet;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.apache.spark.SparkFiles;

/**
 * A model as the driver tells executors of it.
 *
 * @param file    its path, or the name of a file that comes with the job
 * @param shipped whether it comes with the job
 * @param sha256  of the driver's file
 * @param adapter what drafts: the name of a file that comes with the job, {@link #NONE}, or empty for the one that belongs
 *                to the model
 * @param backend who executes the kernels; empty for the fastest of each machine
 * @param isa     the native kernels' instruction set; empty for the best of each machine
 */
record ModelReference(String file, boolean shipped, String sha256, String adapter, String backend, String isa)
        implements Serializable {
    /** No adapter. */
    static final String NONE = "none";

    /**
     * Caps the native kernels' instruction set in the executors of one machine, in {@code spark.executor.extraJavaOptions}
     * or the machine's own options. What a job asks for comes first.
     */
    static final String ISA_PROPERTY = "bita.isa";

    static ModelReference of(
            String file,
            boolean shipped,
            String sha256,
            String adapter,
            Optional<Backend> backend,
            Optional<InstructionSet> isa) {
        return new ModelReference(
                file,
                shipped,
                sha256,
                adapter,
                backend.map(Enum::name).orElse(""),
                isa.map(Enum::name).orElse(""));
    }

    Optional<Backend> kernelBackend() {
        return backend.isEmpty() ? Optional.empty() : Optional.of(Backend.valueOf(backend));
    }

    /**
     * The instruction set to use in this process.
     *
     * @throws JobException if the process's own cap is no instruction set
     */
    Optional<InstructionSet> instructionSet() throws JobException {
        if (!isa.isEmpty()) {
            return Optional.of(InstructionSet.valueOf(isa));
        }
        String cap = System.getProperty(ISA_PROPERTY, "");
        for (InstructionSet known : InstructionSet.values()) {
            if (known.name().equalsIgnoreCase(cap)) {
                return Optional.of(known);
            }
        }
        if (!cap.isEmpty()) {
            throw new JobException("-D" + ISA_PROPERTY + "=" + cap + " names no instruction set");
        }
        return Optional.empty();
    }

    /**
     * Where the model lies in this process.
     *
     * @throws JobException if it is not there
     */
    Path path() throws JobException {
        Path path = shipped ? shippedFile(file) : Path.of(file);
        if (!Files.exists(path)) {
            throw new JobException("there is no model " + path
                    + ": put it there on every machine, or let the job bring it with --distribute");
        }
        return path;
    }

    /** A file that comes with the job. */
    static Path shippedFile(String name) {
        return Path.of(SparkFiles.get(name));
    }
}
