/* Memory for weights and of mapped files. A step streams through all of them, and on small pages the page walks show. */
#include <stddef.h>
#include <stdint.h>

#include "bita.h"

#if defined(_WIN32)

EXPORT void *bita_reserve(int64_t bytes) {
    (void)bytes;
    return NULL;
}
EXPORT void bita_release(void *block, int64_t bytes) {
    (void)block;
    (void)bytes;
}
EXPORT void bita_read_ahead(void *from, int64_t bytes) {
    (void)from;
    (void)bytes;
}
EXPORT void bita_drop_pages(void *from, int64_t bytes) {
    (void)from;
    (void)bytes;
}

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
