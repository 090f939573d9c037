package bita.spark;

import bita.kernels.InstructionSet;
import bita.kernels.KernelsProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** A cluster of two executor processes on this machine, one of which has its instruction set capped. */
final class LocalCluster implements AutoCloseable {
    /** More than will be started, lost ones included. */
    private static final int MOST_EXECUTORS = 32;

    private final Cluster cluster;

    LocalCluster(Path folder) throws IOException {
        Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars"));
        for (int id = 0; id < MOST_EXECUTORS; id++) {
            // Java reads options from such files, and Spark puts an executor's id into their name.
            Files.writeString(
                    folder.resolve("executor-" + id + ".options"),
                    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC " + (id % 2 == 1 ? "" : cap()));
        }
        SparkConf conf = new SparkConf()
                .setMaster("local-cluster[2,1,1024]")
                .setAppName("bita")
                .set("spark.executor.memory", "512m")
                .set("spark.executor.extraClassPath", System.getProperty("java.class.path"))
                .set("spark.executor.extraJavaOptions", "@" + folder.resolve("executor-{{EXECUTOR_ID}}.options"))
                .set("spark.driver.host", "127.0.0.1")
                .set("spark.driver.bindAddress", "127.0.0.1")
                .set("spark.ui.enabled", "false")
                // Blocks of an executor that is lost are asked for again.
                .set("spark.shuffle.io.retryWait", "100ms")
                // A query of some rows takes longer to compile than to run.
                .set("spark.sql.codegen.wholeStage", "false")
                .set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
                .set("spark.local.dir", folder.resolve("scratch").toString());
        cluster = Cluster.of(new JavaSparkContext(conf));
        cluster.spark().setLogLevel("ERROR");
    }

    private static String cap() {
        return plainest()
                .map(isa -> "-D" + ModelReference.ISA_PROPERTY + "=" + isa)
                .orElse("");
    }

    /** The plainest instruction set of this machine; empty without native kernels. */
    static Optional<InstructionSet> plainest() {
        return KernelsProvider.instructionSets().stream().findFirst();
    }

    /** Sees to it that the two executors have different kernels: one that follows on a lost one may have the other's. */
    void mix(ModelReference model) throws IOException, JobException, InterruptedException {
        for (int tries = 0; tries < 8; tries++) {
            for (int waits = 0; waits < 600 && executors() < 2; waits++) {
                Thread.sleep(50);
            }
            Set<String> kernels = new TreeSet<>();
            cluster.run(List.of(0, 1, 2, 3, 4, 5), new TuneTasks.Kind(model), (number, name) -> kernels.add(name));
            if (kernels.size() > 1) {
                return;
            }
            killAnExecutor();
            for (int waits = 0; waits < 600 && executors() == 2; waits++) {
                Thread.sleep(50);
            }
        }
        throw new IllegalStateException("the executors have the same kernels again and again");
    }

    private int executors() {
        return cluster.spark().statusTracker().getExecutorInfos().length - 1; // the driver counts itself
    }

    Cluster cluster() {
        return cluster;
    }

    Storage storage() {
        return new Storage(cluster);
    }

    /** Kills the executor that has run for the longest time, as a power cut would. */
    static void killAnExecutor() {
        List<ProcessHandle> executors = ProcessHandle.current()
                .children()
                .filter(process -> process.info().command().orElse("").endsWith("java"))
                .sorted()
                .toList();
        if (executors.isEmpty()) {
            throw new IllegalStateException("there is no executor to kill");
        }
        executors.getFirst().destroyForcibly();
    }

    @Override
    public void close() {
        cluster.close();
    }
}
