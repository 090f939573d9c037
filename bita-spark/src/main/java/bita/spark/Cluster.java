package bita.spark;

import bita.spark.Executors.Executor;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.spark.SimpleFutureAction;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import scala.Function0;
import scala.Function1;
import scala.Function2;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.BoxedUnit;

/** Hands pieces of work to executors, and what comes of them to the caller, each exactly once. Not thread-safe. */
final class Cluster implements AutoCloseable {
    private static final int WAIT_MILLIS = 100;

    private final JavaSparkContext spark;
    private final Executors executors = new Executors();

    /** Takes what came of a piece. */
    @FunctionalInterface
    interface Receiver<R> {
        /**
         * A piece is done.
         *
         * @param number of the piece
         */
        void receive(int number, R value) throws IOException, JobException;
    }

    /** A piece's result on its way; a problem in its place where it is not empty. */
    private record Reply<R>(List<R> value, String problem, Executor executor, double seconds) implements Serializable {}

    private record Numbered<R>(int number, Reply<R> reply) {}

    private Cluster(JavaSparkContext spark) {
        this.spark = spark;
    }

    /** Of a context that is running; {@link #close} ends it. */
    static Cluster of(JavaSparkContext spark) {
        return new Cluster(spark);
    }

    /** Connects to what {@code spark-submit} has set up. */
    static Cluster connect(String name) {
        SparkConf conf = new SparkConf();
        conf.setIfMissing("spark.master", "local[*]");
        conf.setIfMissing("spark.app.name", name);
        // Results are received one by one, so that their sum is no danger.
        conf.setIfMissing("spark.driver.maxResultSize", "0");
        // What tasks take and bring are Java's records.
        conf.set("spark.serializer", "org.apache.spark.serializer.JavaSerializer");
        JavaSparkContext spark = new JavaSparkContext(conf);
        spark.setLogLevel("WARN");
        return new Cluster(spark);
    }

    JavaSparkContext spark() {
        return spark;
    }

    List<Executors.Work> works() {
        return executors.works();
    }

    /** The one result of one piece. */
    <A, R> R one(A piece, Task<A, R> task) throws IOException, JobException {
        List<R> results = new ArrayList<>();
        run(List.of(piece), task, (number, value) -> results.add(value));
        return results.getFirst();
    }

    /**
     * Runs a task for each piece and waits for all.
     *
     * @param receiver is told of each piece as it is done, on this thread, in any order
     * @throws JobException if a task says that it cannot be done, or Spark has given up repeating it
     * @throws IOException  what the receiver throws
     */
    <A, R> void run(List<A> pieces, Task<A, R> task, Receiver<R> receiver) throws IOException, JobException {
        if (pieces.isEmpty()) {
            return;
        }
        BlockingQueue<Numbered<R>> replies = new LinkedBlockingQueue<>();
        RDD<A> rdd = spark.parallelize(pieces, pieces.size()).rdd();
        Function1<Iterator<A>, Reply<R>> compute =
                (Function1<Iterator<A>, Reply<R>> & Serializable) piece -> reply(task, piece.next());
        Function2<Object, Reply<R>, BoxedUnit> deliver = (number, reply) -> {
            replies.add(new Numbered<>((Integer) number, reply));
            return BoxedUnit.UNIT;
        };
        Function0<BoxedUnit> nothing = () -> BoxedUnit.UNIT;
        SimpleFutureAction<BoxedUnit> action = spark.sc()
                .submitJob(
                        rdd,
                        compute,
                        CollectionConverters.asScala(IntStream.range(0, pieces.size())
                                        .mapToObj(i -> (Object) i)
                                        .toList())
                                .toSeq(),
                        deliver,
                        nothing);
        boolean complete = false;
        try {
            for (int received = 0; received < pieces.size(); received++) {
                receive(next(replies, action), receiver);
            }
            complete = true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new JobException("the job was interrupted", e);
        } finally {
            if (!complete) {
                action.cancel();
            }
        }
    }

    private <R> void receive(Numbered<R> numbered, Receiver<R> receiver) throws IOException, JobException {
        Reply<R> reply = numbered.reply();
        executors.add(reply.executor(), reply.seconds());
        if (!reply.problem().isEmpty()) {
            throw new JobException("executor " + reply.executor().id() + " on "
                    + reply.executor().host() + ": " + reply.problem());
        }
        receiver.receive(numbered.number(), reply.value().getFirst());
    }

    private static <R> Numbered<R> next(BlockingQueue<Numbered<R>> replies, SimpleFutureAction<BoxedUnit> action)
            throws InterruptedException, JobException {
        while (true) {
            Numbered<R> reply = replies.poll(WAIT_MILLIS, TimeUnit.MILLISECONDS);
            if (reply != null) {
                return reply;
            }
            // All deliveries come before the end.
            if (action.isCompleted() && replies.isEmpty()) {
                Throwable failure = action.value().get().failed().get();
                throw new JobException(
                        "Spark has given up: "
                                + String.valueOf(failure.getMessage())
                                        .lines()
                                        .findFirst()
                                        .orElse("no reason is known")
                                + "; the logs of its executors say more",
                        failure);
            }
        }
    }

    private static <A, R> Reply<R> reply(Task<A, R> task, A piece) {
        long start = System.nanoTime();
        try {
            Task.Result<R> result = task.run(piece);
            return new Reply<>(List.of(result.value()), "", Executor.here(result.kernels()), seconds(start));
        } catch (JobException e) {
            return new Reply<>(List.of(), String.valueOf(e.getMessage()), Executor.here("no kernels"), seconds(start));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("the task was cancelled", e);
        }
    }

    private static double seconds(long start) {
        return (System.nanoTime() - start) / 1e9;
    }

    @Override
    public void close() {
        spark.close();
    }
}
