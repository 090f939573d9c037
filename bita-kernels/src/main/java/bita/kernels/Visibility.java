package bita.kernels;

import java.lang.foreign.MemorySegment;

/**
 * What each row of a pass sees: the first {@code prefix} slots, where slot and position agree, then the slots of its
 * path, whose positions follow on. The row's own slot is the last one it sees.
 *
 * @param prefix    i32 (rows): number of leading slots seen
 * @param pathStart i32 (rows + 1): where each row's path begins in {@code path}
 * @param path      i32: ascending slots, each row's behind its prefix
 * @param prompted  i32 (rows): 1 if the row sees the prompt tokens
 */
public record Visibility(MemorySegment prefix, MemorySegment pathStart, MemorySegment path, MemorySegment prompted) {}
