#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int caravan_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int caravan_pidfd_kill(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int caravan_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int caravan_die_with_parent(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

static int64_t microseconds(struct timeval time) { return (int64_t)time.tv_sec * 1000000 + time.tv_usec; }

int caravan_reap(pid_t pid, struct caravan_reaped *reaped) {
  int status;
  struct rusage usage;
  pid_t got;
  do got = wait4(pid, &status, WNOHANG, &usage);
  while (got < 0 && errno == EINTR);
  if (got <= 0) return (int)got;
  reaped->pid = got;
  reaped->is_signal = WIFSIGNALED(status);
  reaped->code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  reaped->cpu_microseconds = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
  reaped->peak_kb = usage.ru_maxrss;
  return 1;
}
