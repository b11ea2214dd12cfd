// vfork, not fork: a fork copies the page tables of the agent (42 a second from 500 MB, against 897), and
// not posix_spawn: it has no working directory before glibc 2.29's extension, no death signal, no limits,
// and does not say which step failed. The child shares our memory until it executes or ends, so it runs
// async-signal-safe calls only, touches nothing but `outcome`, and has all signals blocked until its
// handlers cannot be ours any more.
#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
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

struct child {
  const struct caravan_spawn *what;
  pid_t parent;
  volatile struct caravan_spawned *outcome;
  int first_group;              // of those that are still to be joined
};

static void run_child(const struct child *child) {
  const struct caravan_spawn *what = child->what;
  const pid_t parent = child->parent;
  volatile struct caravan_spawned *outcome = child->outcome;
  setsid();
  // The signal is not sent for a parent that is already gone.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
    fail(outcome, CARAVAN_SPAWN_PREPARE, errno ? errno : ESRCH);
  if (dup2(what->stdin_fd, 0) < 0 || dup2(what->stdout_fd, 1) < 0 || dup2(what->stderr_fd, 2) < 0)
    fail(outcome, CARAVAN_SPAWN_PREPARE, errno);
  // "0" is whoever writes it. Before anything that could make it grow.
  for (int at = child->first_group; at < 2; at++)
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

// A process that is moved into a control group waits for all processors to have passed through the kernel's scheduler
// (10 ms where they idle), and makes every fork and exit on the host dearer for a while: one that is born there does not.
// The C library has no call for it; what it would do for a child that borrows our memory is a stack and a jump.
#if defined(__x86_64__) || defined(__aarch64__)
// The child only prepares and executes: its calls are shallow, execve's own work is on the kernel's stack.
enum { child_stack_bytes = 32768 };

static long clone_into(struct clone_args *arguments, const struct child *child) {
#if defined(__x86_64__)
  register const struct child *given __asm__("r12") = child;
  register void (*run)(const struct child *) __asm__("r13") = run_child;
  long result;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r12, %%rdi\n\t"
      "call *%%r13\n\t"
      "hlt\n"
      "1:"
      : "=a"(result)
      : "a"(SYS_clone3), "D"(arguments), "S"(sizeof *arguments), "r"(given), "r"(run)
      : "rcx", "r11", "memory", "cc");
  return result;
#else
  register long number __asm__("x8") = SYS_clone3;
  register long first __asm__("x0") = (long)arguments;
  register long size __asm__("x1") = sizeof *arguments;
  register const struct child *given __asm__("x9") = child;
  register void (*run)(const struct child *) __asm__("x10") = run_child;
  __asm__ volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x9\n\t"
      "blr x10\n\t"
      "brk 1\n"
      "1:"
      : "+r"(first)
      : "r"(number), "r"(size), "r"(given), "r"(run)
      : "memory", "cc");
  return first;
#endif
}

// -1 and errno. Kernels before 5.7 do not know it, and some containers forbid it: those are asked once.
static pid_t born(const struct caravan_spawn *what, struct child *child) {
  static _Atomic int is_missing = 0;
  errno = ENOSYS;
  if (what->born_in < 0 || is_missing) return -1;
  _Alignas(16) char stack[child_stack_bytes];
  struct clone_args arguments = {
    .flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP,
    .exit_signal = SIGCHLD,
    .stack = (uint64_t)(uintptr_t)stack,
    .stack_size = sizeof stack,
    .cgroup = (uint64_t)what->born_in,
  };
  child->first_group = 1;
  long pid = clone_into(&arguments, child);
  if (pid > 0) return (pid_t)pid;
  child->first_group = 0;
  errno = (int)-pid;
  if (errno == ENOSYS || errno == EINVAL || errno == EPERM) {
    is_missing = 1;
    errno = ENOSYS;
  }
  return -1;
}
#else
static pid_t born(const struct caravan_spawn *what, struct child *child) {
  (void)what, (void)child;
  errno = ENOSYS;
  return -1;
}
#endif

struct caravan_spawned caravan_spawn(const struct caravan_spawn *what) {
  volatile struct caravan_spawned outcome = {CARAVAN_SPAWN_RUNNING, 0, -1};
  if (what->stdin_fd < 3 || what->stdout_fd < 3 || what->stderr_fd < 3)
    return (struct caravan_spawned){CARAVAN_SPAWN_PREPARE, EINVAL, -1};
  pthread_once(&ignored_once, find_ignored);

  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  struct child child = {what, getpid(), &outcome, 0};
  pid_t pid = born(what, &child);
  const int is_moved = pid < 0 && errno == ENOSYS;
  if (is_moved) {
    errno = 0;
    pid = vfork();
    if (pid == 0) run_child(&child);
  }
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);

  if (pid < 0) {
    // No room for a process is what either may say; all else is said of the group.
    const int is_room = is_moved || error == EAGAIN || error == ENOMEM;
    return (struct caravan_spawned){is_room ? CARAVAN_SPAWN_PREPARE : CARAVAN_SPAWN_GROUP, error, -1};
  }
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
