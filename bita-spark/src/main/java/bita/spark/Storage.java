package bita.spark;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSession;

/** Carries files between this machine and Spark's file systems: local ones, HDFS, S3 and the like, by their URIs. */
final class Storage {
    private static final String PARQUET = ".parquet";
    private static final String UNFINISHED = "_unfinished-";

    private final SparkSession session;
    private final Configuration configuration;

    Storage(Cluster cluster) {
        session = SparkSession.builder().sparkContext(cluster.spark().sc()).getOrCreate();
        configuration = cluster.spark().hadoopConfiguration();
    }

    private FileSystem system(Path path) throws IOException {
        FileSystem system = path.getFileSystem(configuration);
        system.setWriteChecksum(false); // a local file system's, beside each file
        return system;
    }

    boolean exists(String uri) throws IOException {
        Path path = new Path(uri);
        return system(path).exists(path);
    }

    /**
     * Brings a file, or the files of a folder one behind the other, to this machine; Parquet becomes a JSON object per row.
     *
     * @throws IOException if there is nothing, or it cannot be read
     */
    void fetch(String uri, java.nio.file.Path local) throws IOException {
        Path path = new Path(uri);
        FileSystem system = system(path);
        if (!system.exists(path)) {
            throw new FileNotFoundException(uri + ": there is no such file or folder");
        }
        List<Path> files = system.getFileStatus(path).isDirectory() ? files(system, path) : List.of(path);
        if (files.isEmpty()) {
            throw new FileNotFoundException(uri + ": the folder holds no files");
        }
        try (OutputStream out = Files.newOutputStream(local)) {
            if (files.stream().allMatch(file -> file.getName().endsWith(PARQUET))) {
                Iterator<String> rows = session.read()
                        .parquet(files.stream().map(Path::toString).toArray(String[]::new))
                        .toJSON()
                        .toLocalIterator();
                while (rows.hasNext()) {
                    out.write((rows.next() + "\n").getBytes(StandardCharsets.UTF_8));
                }
                return;
            }
            for (Path file : files) {
                try (InputStream in = system.open(file)) {
                    in.transferTo(out);
                }
            }
        }
    }

    /** Files of a folder in the order of their names, without those that Spark does not see. */
    private static List<Path> files(FileSystem system, Path folder) throws IOException {
        return Arrays.stream(system.listStatus(folder))
                .filter(FileStatus::isFile)
                .map(FileStatus::getPath)
                .filter(file ->
                        !file.getName().startsWith("_") && !file.getName().startsWith("."))
                .sorted(Comparator.comparing(Path::getName))
                .toList();
    }

    /** Carries a file to a URI, where it is complete or not there; one that was there is replaced. */
    void put(java.nio.file.Path local, String uri) throws IOException {
        put(Files.newInputStream(local), new Path(uri));
    }

    private void put(InputStream content, Path path) throws IOException {
        FileSystem system = system(path);
        Path unfinished = new Path(path.getParent(), UNFINISHED + path.getName());
        try (content;
                OutputStream out = system.create(unfinished, true)) {
            content.transferTo(out);
        }
        system.delete(path, false);
        if (!system.rename(unfinished, path)) {
            throw new IOException(path + ": the file could not be given its name; is the folder writable?");
        }
    }

    void delete(String uri) throws IOException {
        Path path = new Path(uri);
        system(path).delete(path, true);
    }

    /** Names of the files in a folder, in order; none if it does not exist. */
    List<String> names(String uri) throws IOException {
        Path folder = new Path(uri);
        FileSystem system = system(folder);
        return system.exists(folder)
                ? files(system, folder).stream().map(Path::getName).toList()
                : List.of();
    }

    /**
     * Carries the files of a folder, and of the folders in it, to a URI.
     *
     * @param but name of a file that stays
     */
    void putAll(java.nio.file.Path folder, String uri, String but) throws IOException {
        List<java.nio.file.Path> files;
        try (var all = Files.walk(folder)) {
            files = all.filter(Files::isRegularFile)
                    .filter(file -> !file.endsWith(but))
                    .toList();
        }
        for (java.nio.file.Path file : files) {
            put(file, uri + "/" + folder.relativize(file).toString().replace('\\', '/'));
        }
    }

    /**
     * Writes lines of JSON as Parquet into a folder, in place of Parquet that is there.
     *
     * @param lines  URI of a folder of files
     * @param schema of the lines, as SQL has it
     */
    void putParquet(String lines, String schema, String uri) throws IOException {
        for (String name : names(uri)) {
            if (name.endsWith(PARQUET)) {
                delete(uri + "/" + name);
            }
        }
        session.read()
                .schema(schema)
                .option("mode", "FAILFAST")
                .json(names(lines).stream().map(name -> lines + "/" + name).toArray(String[]::new))
                .write()
                .mode("append")
                .option("compression", "gzip") // Java has it; the others are native code
                .parquet(uri);
    }

    /**
     * A file that only grows, kept in a folder as pieces that are complete under their names.
     *
     * @param folder URI
     * @param suffix of the pieces' names
     */
    GrowingFile growing(java.nio.file.Path local, String folder, String suffix) throws IOException {
        List<String> pieces = new ArrayList<>();
        for (String name : names(folder)) {
            if (name.startsWith(GrowingFile.PREFIX) && name.endsWith(suffix)) {
                pieces.add(name);
            }
        }
        try (OutputStream out =
                Files.newOutputStream(local, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING)) {
            for (String piece : pieces) {
                Path path = new Path(folder + "/" + piece);
                try (InputStream in = system(path).open(path)) {
                    in.transferTo(out);
                }
            }
        }
        return new GrowingFile(local, folder, suffix, pieces.size());
    }

    /** See {@link #growing}. Not thread-safe. */
    final class GrowingFile {
        private static final String PREFIX = "part-";

        private final java.nio.file.Path local;
        private final String folder;
        private final String suffix;
        private int pieces;
        private long kept;

        private GrowingFile(java.nio.file.Path local, String folder, String suffix, int pieces) throws IOException {
            this.local = local;
            this.folder = folder;
            this.suffix = suffix;
            this.pieces = pieces;
            kept = Files.size(local);
        }

        /** Keeps what the file has grown by. */
        void keep() throws IOException {
            long size = Files.size(local);
            if (size == kept) {
                return;
            }
            InputStream in = Files.newInputStream(local);
            in.skipNBytes(kept);
            put(in, new Path(folder, "%s%05d%s".formatted(PREFIX, pieces, suffix)));
            pieces++;
            kept = size;
        }
    }
}
