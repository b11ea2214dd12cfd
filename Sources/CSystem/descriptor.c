#define _GNU_SOURCE
#include "CSystem.h"
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <errno.h>

int caravan_pipe(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
  // Not by pipe2: the flag would be on both ends, and belongs to the open file, which the task shares.
  return fcntl(ends[0], F_SETFL, O_RDONLY | O_NONBLOCK);
}

int caravan_accept(int listener, struct sockaddr *address, socklen_t *length) {
  return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int caravan_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int caravan_socketpair(int ends[2]) {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
}

int caravan_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int caravan_alarm(void) { return timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC); }

int caravan_alarm_at(int fd, int64_t nanoseconds) {
  struct itimerspec when = {.it_value = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}};
  return timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL);
}

int caravan_set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int caravan_open(const char *path, int flags, unsigned mode) { return open(path, flags | O_CLOEXEC, (mode_t)mode); }

int caravan_lock(int fd) {
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int answer = fcntl(fd, F_OFD_SETLK, &whole);
  if (answer < 0 && errno == EACCES) errno = EAGAIN;
  return answer;
}

int caravan_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int caravan_set_inherited(int fd, int inherited) { return fcntl(fd, F_SETFD, inherited ? 0 : FD_CLOEXEC); }

int caravan_getrandom(void *bytes, size_t count) {
  char *at = bytes;
  while (count > 0) {
    ssize_t got = getrandom(at, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    at += got;
    count -= (size_t)got;
  }
  return 0;
}
