// Preloaded into a program (ld.so(8)): one call that writes fails with EIO, as of a disk that breaks.
//
// SICKDISK="CALL NAME N": the Nth CALL (sync or write) to a file of that name.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(const char *call, int fd) {
  static atomic_long count;
  const char *rule = getenv("SICKDISK");
  char wanted[16], name[64], path[64], target[4096];
  long number;
  if (!rule || sscanf(rule, "%15s %63s %ld", wanted, name, &number) != 3 || strcmp(call, wanted)) return 0;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(path, target, sizeof target - 1);
  if (length < 0) return 0;
  target[length] = 0;
  const char *base = strrchr(target, '/');
  if (!base || strcmp(base + 1, name) || atomic_fetch_add(&count, 1) + 1 != number) return 0;
  errno = EIO;
  return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) { return fails("sync", fd) ? -1 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return fails("sync", fd) ? -1 : NEXT(fdatasync)(fd); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  return fails("write", fd) ? -1 : NEXT(pwrite)(fd, bytes, count, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  return fails("write", fd) ? -1 : NEXT(pwrite64)(fd, bytes, count, at);
}
