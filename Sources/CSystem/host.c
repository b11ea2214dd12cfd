#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

int caravan_has_attribute(const char *path, const char *name, const char *text) {
  char value[64];
  ssize_t size = getxattr(path, name, value, sizeof value);
  return size >= 0 && (size_t)size == strlen(text) && memcmp(value, text, (size_t)size) == 0;
}

int caravan_affinity_cores(void) {
  // Larger and larger sets: the kernel refuses one that is too small for its own (sched_setaffinity(2)).
  for (int cores = 1024; cores <= 1 << 20; cores *= 2) {
    cpu_set_t *set = CPU_ALLOC(cores);
    if (set == NULL) return -1;
    int failed = sched_getaffinity(0, CPU_ALLOC_SIZE(cores), set);
    int count = failed ? -1 : CPU_COUNT_S(CPU_ALLOC_SIZE(cores), set);
    CPU_FREE(set);
    if (count > 0) return count;
    if (errno != EINVAL) return -1;
  }
  return -1;
}

int caravan_affinity(unsigned char *set, size_t bytes) { return sched_getaffinity(0, bytes, (cpu_set_t *)set); }

int caravan_open_files(uint64_t *soft, uint64_t *hard) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -1;
  *soft = limit.rlim_cur;
  *hard = limit.rlim_max;
  return 0;
}

int caravan_set_open_files(uint64_t soft, uint64_t hard) {
  struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
  return setrlimit(RLIMIT_NOFILE, &limit);
}

int64_t caravan_own_peak_kb(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) < 0 ? 0 : usage.ru_maxrss;
}
