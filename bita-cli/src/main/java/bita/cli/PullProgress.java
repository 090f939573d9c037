package bita.cli;

import bita.api.store.PullListener;

/** Shows on standard error how a pull goes. */
final class PullProgress implements PullListener, AutoCloseable {
    private final Terminal terminal;
    private final ProgressBar bar;

    PullProgress(Terminal terminal, String name) {
        this.terminal = terminal;
        this.bar = ProgressBar.ofBytes(terminal, name);
    }

    @Override
    public void started(String source) {
        say("asking " + source);
    }

    @Override
    public void progress(long doneBytes, long totalBytes) {
        bar.update(doneBytes, totalBytes);
    }

    @Override
    public void waiting(String reason) {
        say("waiting: " + reason);
    }

    @Override
    public void failed(String source, String reason) {
        say(source + " could not deliver: " + reason);
    }

    private void say(String text) {
        bar.clear();
        terminal.note(text);
    }

    @Override
    public void close() {
        bar.close();
    }
}
