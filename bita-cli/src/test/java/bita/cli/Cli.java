package bita.cli;

import bita.cli.Terminal.Connected;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Runs the program in this process with streams, environment and home folder of its own. */
final class Cli {
    private final Path home;
    private final Map<String, String> environment = new HashMap<>();
    private Connected connected = Connected.NOWHERE;
    private String input = "";

    /** What a run left behind. */
    record Result(int status, String out, String err) {}

    Cli(Path home) {
        this.home = home;
        environment.put("XDG_CACHE_HOME", home.resolve("cache").toString());
        environment.put("XDG_DATA_HOME", home.resolve("data").toString());
    }

    Cli environment(String name, String value) {
        environment.put(name, value);
        return this;
    }

    Cli connected(boolean in, boolean out, boolean err) {
        connected = new Connected(in, out, err);
        return this;
    }

    Cli input(String text) {
        input = text;
        return this;
    }

    Result run(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int status = Main.run(terminal(out, err), args);
        return new Result(status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    Terminal terminal(java.io.OutputStream out, java.io.OutputStream err) {
        return new Terminal(
                new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                out,
                err,
                connected,
                environment,
                home);
    }
}
