/* Memory for weights and of mapped files. A step streams through all of them, and on small pages the page walks show. */
#include <stddef.h>
#include <stdint.h>

#include "bita.h"

#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* Zeroed memory; NULL if there is not enough. Large pages would need a privilege. */
EXPORT void *bita_reserve(int64_t bytes) {
    return VirtualAlloc(NULL, (SIZE_T)bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

EXPORT void bita_release(void *block, int64_t bytes) {
    (void)bytes;
    VirtualFree(block, 0, MEM_RELEASE);
}

/* Begins to read a part of a mapped file. */
EXPORT void bita_read_ahead(void *from, int64_t bytes) {
    WIN32_MEMORY_RANGE_ENTRY range = {from, (SIZE_T)bytes};
    PrefetchVirtualMemory(GetCurrentProcess(), 1, &range, 0);
}

/* Gives back the memory of a part of a file mapped for reading: pages that were not locked leave the working set. */
EXPORT void bita_drop_pages(void *from, int64_t bytes) { VirtualUnlock(from, (SIZE_T)bytes); }

#else

#include <sys/mman.h>
#include <unistd.h>

#define LARGE_PAGE ((size_t)2 << 20)

static size_t whole_pages(int64_t bytes) { return ((size_t)bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE; }

/* Zeroed memory on large pages if the system grants them, else on small ones; NULL if there is not enough. */
EXPORT void *bita_reserve(int64_t bytes) {
    size_t size = whole_pages(bytes);
    char *mapped = mmap(NULL, size + LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
        return NULL;
    }
    size_t before = (LARGE_PAGE - (uintptr_t)mapped % LARGE_PAGE) % LARGE_PAGE;
    char *block = mapped + before;
    if (before > 0) {
        munmap(mapped, before);
    }
    munmap(block + size, LARGE_PAGE - before);
#if defined(MADV_HUGEPAGE)
    madvise(block, size, MADV_HUGEPAGE);
#endif
    return block;
}

/* `bytes` as reserved. */
EXPORT void bita_release(void *block, int64_t bytes) { munmap(block, whole_pages(bytes)); }

/* Advice on all pages that hold a byte of the range. Advice that fails changes nothing but speed or memory. */
static void advise(void *from, int64_t bytes, int advice) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)from / page * page;
    madvise((void *)first, (uintptr_t)from + (size_t)bytes - first, advice);
}

/* Begins to read a part of a mapped file. */
EXPORT void bita_read_ahead(void *from, int64_t bytes) { advise(from, bytes, MADV_WILLNEED); }

/* Gives back the memory of a part of a file mapped for reading; what is touched again is read again. */
EXPORT void bita_drop_pages(void *from, int64_t bytes) { advise(from, bytes, MADV_DONTNEED); }

#endif
