package bita.spark;

import java.io.Serializable;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.SparkEnv;

/** Counts what the executors of a job have done. Not thread-safe. */
final class Executors {
    private final Map<Executor, Work> works = new TreeMap<>();

    /**
     * An executor, as it says itself.
     *
     * @param kernels that compute its tasks
     * @param threads of each task
     */
    record Executor(String id, String host, String kernels, int threads) implements Serializable, Comparable<Executor> {
        /** This process. */
        static Executor here(String kernels) {
            return new Executor(SparkEnv.get().executorId(), hostName(), kernels, SharedModel.threads());
        }

        private static String hostName() {
            try {
                return InetAddress.getLocalHost().getHostName();
            } catch (UnknownHostException e) {
                return "a host without a name";
            }
        }

        @Override
        public int compareTo(Executor other) {
            return toString().compareTo(other.toString());
        }
    }

    /**
     * What an executor has done.
     *
     * @param seconds all tasks together
     */
    record Work(Executor executor, long tasks, double seconds) {
        Work plus(double more) {
            return new Work(executor, tasks + 1, seconds + more);
        }

        /** For people. */
        String describe() {
            return String.format(
                    Locale.ROOT,
                    "executor %s on %s: %s, %d thread%s a task; %d tasks, %.1f s",
                    executor.id(),
                    executor.host(),
                    executor.kernels(),
                    executor.threads(),
                    executor.threads() == 1 ? "" : "s",
                    tasks,
                    seconds);
        }
    }

    void add(Executor executor, double seconds) {
        works.put(
                executor, works.getOrDefault(executor, new Work(executor, 0, 0)).plus(seconds));
    }

    List<Work> works() {
        return List.copyOf(works.values());
    }
}
