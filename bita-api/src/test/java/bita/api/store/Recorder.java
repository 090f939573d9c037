package bita.api.store;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Writes down what a listener hears. */
class Recorder implements PullListener {

    final List<String> events = new CopyOnWriteArrayList<>();
    final List<Long> done = new CopyOnWriteArrayList<>();
    volatile long total;

    @Override
    public void started(String source) {
        events.add("started " + source);
    }

    @Override
    public void progress(long doneBytes, long totalBytes) {
        done.add(doneBytes);
        total = totalBytes;
    }

    @Override
    public void waiting(String reason) {
        events.add("waiting " + reason);
    }

    @Override
    public void failed(String source, String reason) {
        events.add("failed " + source + ": " + reason);
    }

    @Override
    public void finished(Path file) {
        events.add("finished " + file.getFileName());
    }
}
