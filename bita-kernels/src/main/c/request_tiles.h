/* Asks Linux for the tile registers of AMX, for all threads of this process (Linux 5.16 and newer, see "Using XSTATE
 * features in user space applications" in the kernel's documentation). */
#ifndef BITA_REQUEST_TILES_H
#define BITA_REQUEST_TILES_H

#include <sys/syscall.h>
#include <unistd.h>

#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

/* 1 if they may be used. */
static int request_tiles(void) { return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0; }

#endif
