package bita.cli;

import bita.api.store.CatalogModel;
import bita.api.store.ModelStore;
import bita.api.store.StoredAdapter;
import bita.api.store.StoredModel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows models and adapters. */
@Command(
        name = "list",
        description = "Lists the models and adapters on this machine, and the models that can be pulled by name.",
        footer = {"", "Examples:", "  bita list", "  bita list --json | jq '.models[].path'"})
final class ListCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    boolean json;

    @Mixin
    final Bita.HelpOption help = new Bita.HelpOption();

    ListCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    private record Report(List<Model> models, List<Adapter> adapters) {}

    private record Model(String name, boolean pulled, long bytes, Optional<String> path, Optional<String> modified) {
        static Model of(StoredModel model) {
            return new Model(
                    model.name(),
                    true,
                    model.bytes(),
                    Optional.of(model.path().toString()),
                    Optional.of(model.modified().toString()));
        }

        static Model of(CatalogModel model) {
            return new Model(model.id(), false, model.bytes(), Optional.empty(), Optional.empty());
        }
    }

    private record Adapter(String name, long bytes, String path, String modified) {
        static Adapter of(StoredAdapter adapter) {
            return new Adapter(
                    adapter.name(),
                    adapter.bytes(),
                    adapter.path().toString(),
                    adapter.modified().toString());
        }
    }

    @Override
    public Integer call() throws IOException {
        ModelStore store = terminal.store();
        List<StoredModel> stored = store.list();
        List<CatalogModel> missing = new ArrayList<>();
        for (CatalogModel model : CatalogModel.ALL) {
            if (store.stored(model.id()).isEmpty()) {
                missing.add(model);
            }
        }
        List<StoredAdapter> adapters = store.adapters();
        if (json) {
            List<Model> models = new ArrayList<>(stored.stream().map(Model::of).toList());
            missing.stream().map(Model::of).forEach(models::add);
            Json.print(
                    terminal,
                    new Report(models, adapters.stream().map(Adapter::of).toList()));
        } else {
            terminal.print(text(stored, missing, adapters, store.paths().models()));
        }
        return 0;
    }

    private String text(
            List<StoredModel> stored, List<CatalogModel> missing, List<StoredAdapter> adapters, Path folder) {
        StringBuilder text = new StringBuilder(heading("Models", folder.toString()));
        Table models = new Table("lrl");
        stored.forEach(m -> models.row("  " + m.name(), Format.bytes(m.bytes()), date(m.modified())));
        missing.forEach(m -> models.row("  " + m.id(), Format.bytes(m.bytes()), "not here yet: bita pull " + m.id()));
        text.append(models);
        if (!adapters.isEmpty()) {
            text.append('\n')
                    .append(heading(
                            "Adapters",
                            String.valueOf(adapters.getFirst().path().getParent())));
            Table table = new Table("lrl");
            adapters.forEach(a -> table.row("  " + a.name(), Format.bytes(a.bytes()), date(a.modified())));
            text.append(table);
        }
        return text.toString();
    }

    private String heading(String what, String folder) {
        return terminal.styled(Terminal.Style.BOLD, what) + " in " + folder + "\n";
    }

    private static String date(Instant instant) {
        return LocalDate.ofInstant(instant, ZoneId.systemDefault()).toString();
    }
}
