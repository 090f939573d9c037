package bita.spark;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** What a job says: results on standard output, everything else on standard error. */
final class Console {
    private static final long PROGRESS_NANOS = 5_000_000_000L;

    private long lastProgress = System.nanoTime();

    void note(String sentence) {
        System.err.println("bita: " + sentence);
    }

    /** Says how far a job has come, now and then. */
    void progress(String sentence) {
        if (System.nanoTime() - lastProgress > PROGRESS_NANOS) {
            lastProgress = System.nanoTime();
            note(sentence);
        }
    }

    /** The summary of a job: an object, or a line and one for each executor. */
    void summary(boolean json, String sentence, Map<String, Object> object, List<Executors.Work> works) {
        if (!json) {
            System.out.println(sentence);
            works.forEach(work -> System.out.println(work.describe()));
            return;
        }
        List<Map<String, Object>> executors = new ArrayList<>();
        for (Executors.Work work : works) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("id", work.executor().id());
            one.put("host", work.executor().host());
            one.put("kernels", work.executor().kernels());
            one.put("threads", work.executor().threads());
            one.put("tasks", work.tasks());
            one.put("seconds", work.seconds());
            executors.add(one);
        }
        Map<String, Object> all = new LinkedHashMap<>(object);
        all.put("executors", executors);
        System.out.println(JsonMapper.shared().writeValueAsString(all));
    }
}
