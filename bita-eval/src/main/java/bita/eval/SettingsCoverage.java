package bita.eval;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How thoroughly settings were varied.
 *
 * @param covered pairs of values of two different settings that occurred together
 * @param pairs   all such pairs
 * @param values  of each setting that was varied
 */
public record SettingsCoverage(int covered, int pairs, Map<String, List<String>> values) {
    public SettingsCoverage {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /** Nothing was varied. */
    public static SettingsCoverage none() {
        return new SettingsCoverage(0, 0, Map.of());
    }
}
