// vfork, not fork: a fork copies the page tables of the agent (42 a second from 500 MB, against 897), and
// not posix_spawn: it has no working directory before glibc 2.29's extension, no death signal, no limits,
// and does not say which step failed. The child shares our memory until it executes or ends, so it runs
// async-signal-safe calls only, touches nothing but `outcome`, and has all signals blocked until its
// handlers cannot be ours any more.
#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

// By hand: snprintf is not async-signal-safe.
static void set_oom_score(int score) {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  char text[8];
  size_t at = sizeof text;
  unsigned rest = score < 0 ? (unsigned)-score : (unsigned)score;
  do text[--at] = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (score < 0) text[--at] = '-';
  // A host that refuses leaves ours: nothing is to be done about it.
  if (write(fd, text + at, sizeof text - at) < 0) errno = 0;
  close(fd);
}

static void run_child(const struct caravan_spawn *what, pid_t parent, volatile struct caravan_spawned *outcome) {
  setsid();
  // The signal is not sent for a parent that is already gone.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
    fail(outcome, CARAVAN_SPAWN_PREPARE, errno ? errno : ESRCH);
  if (dup2(what->stdin_fd, 0) < 0 || dup2(what->stdout_fd, 1) < 0 || dup2(what->stderr_fd, 2) < 0)
    fail(outcome, CARAVAN_SPAWN_PREPARE, errno);
  // "0" is whoever writes it. Before anything that could make it grow.
  for (int at = 0; at < 2; at++)
    if (what->groups[at] >= 0 && write(what->groups[at], "0", 1) < 0) fail(outcome, CARAVAN_SPAWN_GROUP, errno);
  if (what->oom_score_adj != 0) set_oom_score(what->oom_score_adj);
  if (what->cpus != NULL && sched_setaffinity(0, what->cpu_bytes, (const cpu_set_t *)what->cpus) < 0)
    fail(outcome, CARAVAN_SPAWN_PIN, errno);
  if (what->umask >= 0) umask((mode_t)what->umask);
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

pid_t caravan_spawn_link(const char *path, const char *const *argv, const char *const *envp, int socket, int as) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  // dup2 to the same number would keep it close-on-exec; glibc's sees to that.
  posix_spawn_file_actions_adddup2(&actions, socket, as);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  pid_t pid;
  int error = posix_spawn(&pid, path, &actions, &attributes, (char *const *)argv, (char *const *)envp);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  errno = error;
  return error == 0 ? pid : -1;
}

int caravan_exec(const char *path, const char *const *argv, const char *const *envp) {
  return execve(path, (char *const *)argv, (char *const *)envp);
}
