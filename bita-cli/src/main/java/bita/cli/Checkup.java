package bita.cli;

import bita.api.MachineMemory;
import bita.api.store.CatalogModel;
import bita.api.store.ModelStore;
import bita.kernels.Backend;
import bita.kernels.CacheFormat;
import bita.kernels.KernelsProvider;
import bita.kernels.Processors;
import bita.model.MemoryNeed;
import bita.model.ModelFiles;
import bita.model.file.ModelFile;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/** Looks at everything that a run depends on. */
final class Checkup {
    private static final long LITTLE_MEMORY = 1_000_000_000;
    private static final long LITTLE_DISK = 1_000_000_000;

    /** Whether something is as it should be. */
    enum State {
        @JsonProperty("ok")
        OK,
        @JsonProperty("warning")
        WARNING,
        @JsonProperty("failed")
        FAILED
    }

    /**
     * One thing looked at.
     *
     * @param found  what there is
     * @param remedy what to do; empty if nothing
     */
    record Check(String name, State state, String found, String remedy) {
        static Check ok(String name, String found) {
            return new Check(name, State.OK, found, "");
        }
    }

    private final ModelStore store;
    private final MachineMemory memory;

    Checkup(ModelStore store, MachineMemory memory) {
        this.store = store;
        this.memory = memory;
    }

    List<Check> checks() {
        List<Check> checks = new ArrayList<>();
        checks.add(Check.ok(
                "Java",
                Runtime.version() + " (" + System.getProperty("java.vendor") + "), "
                        + System.getProperty("java.home")));
        checks.add(Check.ok(
                "system",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                        + System.getProperty("os.arch")));
        checks.add(Check.ok(
                "processor",
                Processors.name() + ", " + Runtime.getRuntime().availableProcessors() + " cores for Java"));
        checks.add(memory());
        KernelsProvider.Choice kernels = KernelsProvider.best();
        checks.add(backend(kernels));
        kernels.remarks().forEach(remark -> checks.add(Check.ok("instruction set", remark)));
        checks.addAll(backends(kernels.kernels().backend()));
        checks.add(model());
        memoryNeed().ifPresent(checks::add);
        checks.add(folder("models", store.paths().models()));
        checks.add(folder("adapters", store.paths().adapters()));
        checks.add(disk());
        return checks;
    }

    private Check memory() {
        String found = Format.bytes(memory.totalBytes()) + ", " + Format.bytes(memory.availableBytes())
                + " of it available, Java's heap at most "
                + Format.bytes(Runtime.getRuntime().maxMemory());
        return memory.totalBytes() < LITTLE_MEMORY
                ? new Check("memory", State.WARNING, found, "use small models and a short --context")
                : Check.ok("memory", found);
    }

    private static Check backend(KernelsProvider.Choice choice) {
        return choice.kernels().backend() == Backend.NATIVE
                ? Check.ok("in use", choice.describe())
                : new Check("in use", State.WARNING, choice.describe(), "see below what the native kernels need");
    }

    /** What every backend offers here. */
    private static List<Check> backends(Backend used) {
        List<Check> checks = new ArrayList<>();
        for (Backend backend : Backend.values()) {
            String name = backend.name().toLowerCase(Locale.ROOT);
            try {
                KernelsProvider.Choice choice = KernelsProvider.of(backend, Optional.empty());
                String found = backend == Backend.NATIVE
                        ? "library loaded, instruction sets that run here: " + KernelsProvider.instructionSets()
                        : choice.describe();
                checks.add(Check.ok(
                        name,
                        backend == used
                                ? found
                                : found + "; works, but " + used.name().toLowerCase(Locale.ROOT) + " is faster"));
            } catch (UnsupportedOperationException e) {
                // Backends are listed from the fastest to the slowest.
                checks.add(
                        backend.compareTo(used) < 0
                                ? new Check(name, State.WARNING, "does not work here", Failure.sentence(e))
                                : Check.ok(name, "not needed; " + Failure.sentence(e)));
            }
        }
        return checks;
    }

    private Check model() {
        CatalogModel model = CatalogModel.DEFAULT;
        String name = "model";
        try {
            Optional<Path> file = store.stored(model.id());
            if (file.isEmpty()) {
                return new Check(
                        name,
                        State.WARNING,
                        model.id() + " is not here yet",
                        "bita pull downloads it (" + Format.bytes(model.bytes()) + ")");
            }
            return store.hashes().sha256(file.get()).equals(model.sha256())
                    ? Check.ok(name, model.id() + ", complete")
                    : new Check(name, State.FAILED, file.get() + " is damaged", "bita pull downloads it again");
        } catch (IOException e) {
            return new Check(name, State.FAILED, Failure.sentence(e), "check the folder's permissions");
        }
    }

    /** What the default model takes; empty if it is not here or damaged, which another check says. */
    private Optional<Check> memoryNeed() {
        String name = "model memory";
        try {
            Optional<Path> path = store.stored(CatalogModel.DEFAULT.id());
            if (path.isEmpty()) {
                return Optional.empty();
            }
            try (ModelFile file = ModelFiles.open(path.get())) {
                return Optional.of(memoryNeed(name, MemoryNeed.of(file, OptionalInt.empty(), CacheFormat.F16)));
            }
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private Check memoryNeed(String name, MemoryNeed need) {
        String found = Format.bytes(need.totalBytes()) + " with a context of " + Format.count(need.context())
                + " tokens: weights " + Format.bytes(need.weightBytes()) + ", KV cache "
                + Format.bytes(need.cacheBytes()) + ", everything else at most " + Format.bytes(need.workingBytes());
        return need.totalBytes() > memory.availableBytes()
                ? new Check(
                        name,
                        State.WARNING,
                        found + "; only " + Format.bytes(memory.availableBytes()) + " are available",
                        "close other programs, or use a shorter --context")
                : Check.ok(name, found);
    }

    private static Check folder(String name, Path folder) {
        if (!Files.exists(folder)) {
            return Check.ok(name, folder + ", empty");
        }
        if (!Files.isWritable(folder)) {
            return new Check(name, State.FAILED, folder + " cannot be written", "change its permissions");
        }
        try (Stream<Path> files = Files.walk(folder)) {
            long bytes = 0;
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                bytes += Files.size(file);
            }
            return Check.ok(name, folder + ", " + Format.bytes(bytes));
        } catch (IOException | UncheckedIOException e) {
            return new Check(name, State.FAILED, Failure.sentence(e), "change its permissions");
        }
    }

    /** Space where models go; the folder need not exist yet. */
    private Check disk() {
        Path folder = store.paths().models().toAbsolutePath();
        while (folder != null && !Files.exists(folder)) {
            folder = folder.getParent();
        }
        String name = "disk";
        if (folder == null) {
            return new Check(name, State.FAILED, "there is no folder for models", "set XDG_CACHE_HOME");
        }
        try {
            long free = Files.getFileStore(folder).getUsableSpace();
            String found = Format.bytes(free) + " free for models";
            return free < LITTLE_DISK
                    ? new Check(name, State.WARNING, found, "make room, or let XDG_CACHE_HOME name another disk")
                    : Check.ok(name, found);
        } catch (IOException e) {
            return new Check(name, State.FAILED, Failure.sentence(e), "set XDG_CACHE_HOME");
        }
    }
}
