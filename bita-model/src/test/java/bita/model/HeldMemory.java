package bita.model;

import java.lang.foreign.MemorySegment;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Counts the memory outside of Java's heap that objects hold, by looking into them. */
public final class HeldMemory {
    private final Map<Long, Long> bytesByAddress = new HashMap<>();
    private final Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());

    private HeldMemory() {}

    /** Bytes of all segments that can be reached from some objects, but for what belongs to an engine. */
    public static long of(Object... holders) {
        HeldMemory held = new HeldMemory();
        for (Object holder : holders) {
            held.visit(holder);
        }
        return held.bytesByAddress.values().stream().mapToLong(Long::longValue).sum();
    }

    private void visit(Object object) {
        if (object instanceof Engine || !seen.add(object)) {
            return;
        }
        switch (object) {
            case MemorySegment segment
            when segment.isNative() -> bytesByAddress.merge(segment.address(), segment.byteSize(), Math::max);
            case Object[] array -> {
                for (Object element : array) {
                    visit(element);
                }
            }
            case Iterable<?> elements -> elements.forEach(this::visit);
            case Map<?, ?> map -> map.values().forEach(this::visit);
            case Optional<?> optional -> optional.ifPresent(this::visit);
            default -> {
                if (object.getClass().getPackageName().startsWith("bita.")
                        && !object.getClass().isEnum()) {
                    visitFields(object);
                }
            }
        }
    }

    private void visitFields(Object object) {
        for (Field field : object.getClass().getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) || field.getType().isPrimitive()) {
                continue;
            }
            try {
                field.setAccessible(true);
                Object value = field.get(object);
                if (value != null) {
                    visit(value);
                }
            } catch (IllegalAccessException e) {
                throw new AssertionError(e);
            }
        }
    }
}
