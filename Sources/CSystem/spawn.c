// vfork, not fork: a fork copies the page tables of the agent (42 a second from 500 MB, against 897), and
// not posix_spawn: it has no working directory before glibc 2.29's extension, no death signal, no limits,
// and does not say which step failed. The child shares our memory until it executes or ends, so it runs
// async-signal-safe calls only, touches nothing but `outcome`, and has all signals blocked until its
// handlers cannot be ours any more.
#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/syscall.h>
#include <unistd.h>

// Handlers go with exec; what is ignored would stay ignored (signal(7)). SIGPIPE is ignored by us, others
// perhaps by who started us (nohup): all of them are found once.
static sigset_t ignored;
static pthread_once_t ignored_once = PTHREAD_ONCE_INIT;

static void find_ignored(void) {
  sigemptyset(&ignored);
  sigaddset(&ignored, SIGPIPE);
  for (int number = 1; number < NSIG; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) sigaddset(&ignored, number);
  }
}

static void fail(volatile struct caravan_spawned *outcome, int stage, int error) {
  outcome->stage = stage;
  outcome->error = error;
  _exit(127);
}

static void run_child(const struct caravan_spawn *what, pid_t parent, volatile struct caravan_spawned *outcome) {
  setsid();
  // The signal is not sent for a parent that is already gone.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
    fail(outcome, CARAVAN_SPAWN_PREPARE, errno ? errno : ESRCH);
  if (dup2(what->stdin_fd, 0) < 0 || dup2(what->stdout_fd, 1) < 0 || dup2(what->stderr_fd, 2) < 0)
    fail(outcome, CARAVAN_SPAWN_PREPARE, errno);
  // Older kernels (before 5.9) do not have it: ours are all close-on-exec anyway.
  syscall(SYS_close_range, 3U, ~0U, 0U);
  if (what->open_files > 0) {
    uint64_t soft, hard;
    if (caravan_open_files(&soft, &hard) == 0 && soft != what->open_files)
      caravan_set_open_files(what->open_files, hard);
  }
  if (chdir(what->cwd) < 0) fail(outcome, CARAVAN_SPAWN_CHDIR, errno);

  for (int number = 1; number < NSIG; number++)
    if (sigismember(&ignored, number) == 1) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);

  int error = ENOENT;
  for (const char *const *candidate = what->candidates; *candidate; candidate++) {
    execve(*candidate, (char *const *)what->argv, (char *const *)what->envp);
    if (errno == EACCES) error = EACCES;
    if (errno == EACCES || errno == ENOENT || errno == ENOTDIR) continue;
    error = errno;
    break;
  }
  fail(outcome, CARAVAN_SPAWN_EXEC, error);
}

struct caravan_spawned caravan_spawn(const struct caravan_spawn *what) {
  volatile struct caravan_spawned outcome = {CARAVAN_SPAWN_RUNNING, 0, -1};
  if (what->stdin_fd < 3 || what->stdout_fd < 3 || what->stderr_fd < 3)
    return (struct caravan_spawned){CARAVAN_SPAWN_PREPARE, EINVAL, -1};
  pthread_once(&ignored_once, find_ignored);

  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t parent = getpid();
  errno = 0;
  pid_t pid = vfork();
  if (pid == 0) run_child(what, parent, &outcome);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);

  if (pid < 0) return (struct caravan_spawned){CARAVAN_SPAWN_PREPARE, error, -1};
  // What did not get as far as exec is over already: nobody else is to see it end.
  if (outcome.stage != CARAVAN_SPAWN_RUNNING)
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
  return (struct caravan_spawned){outcome.stage, outcome.error, pid};
}
