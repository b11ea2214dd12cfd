// A child that borrows our memory, not fork: a fork copies the page tables of the agent (42 a second from 500 MB, against
// 897). And not posix_spawn: it has no working directory before glibc 2.29's extension, no death signal, no limits, and does
// not say which step failed.
//
// vfork(2) would have us wait until it has executed its program: for as long as a dead mount takes, and on a small host for
// the processor that it runs on. So it gets a stack of its own, and what it reads stays as it is until it has executed or
// ended, which the kernel says by clearing `is_busy`. Until then it makes raw system calls only, writes nothing but its
// birth, and has all signals blocked until its handlers cannot be ours any more.
#define _GNU_SOURCE
#include "CSystem.h"
#include "raw.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

// The child only prepares and executes: its calls are shallow, execve's own work is on the kernel's stack.
enum { child_stack_bytes = 16384 };
// sizeof of the kernel's sigset_t (rt_sigaction(2)).
enum { kernel_sigset_bytes = 8 };

struct caravan_birth {
  _Alignas(16) char stack[child_stack_bytes];
  struct caravan_spawn what;
  pid_t parent;
  int first_group;              // of those that are still to be joined
  _Atomic int is_busy;
  volatile int stage, error;
};

// Handlers go with exec; what is ignored would stay ignored (signal(7)). SIGPIPE is ignored by us, others
// perhaps by who started us (nohup): all of them are found once.
static int ignored[NSIG], ignored_count;
static pthread_once_t ignored_once = PTHREAD_ONCE_INIT;

static void find_ignored(void) {
  for (int number = 1; number < NSIG; number++) {
    struct sigaction action;
    const int is_ignored = sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
    if (number == SIGPIPE || is_ignored) ignored[ignored_count++] = number;
  }
}

static _Noreturn void fail(struct caravan_birth *birth, int stage, long error) {
  birth->error = (int)(error < 0 ? -error : error);
  birth->stage = stage;
  for (;;) raw_call(SYS_exit_group, 127, 0, 0, 0);
}

static void set_open_files(uint64_t soft) {
  uint64_t now[2];
  if (raw_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)now) < 0 || now[0] == soft) return;
  now[0] = soft;
  raw_call(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)now, 0);
}

static void open_stdin(struct caravan_birth *birth) {
  // Non-blocking, or a pipe that nobody writes would be waited for.
  const long fd = raw_call(SYS_openat, AT_FDCWD, (long)birth->what.stdin_path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
  if (fd < 0) fail(birth, CARAVAN_SPAWN_STDIN, fd);
#ifdef SYS_newfstatat
  struct stat facts;
  const long answer = raw_call(SYS_newfstatat, fd, (long)"", (long)&facts, AT_EMPTY_PATH);
  if (answer < 0) fail(birth, CARAVAN_SPAWN_STDIN, answer);
  if (S_ISDIR(facts.st_mode)) fail(birth, CARAVAN_SPAWN_STDIN, EISDIR);
  if (!S_ISREG(facts.st_mode) && !S_ISCHR(facts.st_mode)) fail(birth, CARAVAN_SPAWN_STDIN, ESPIPE);
#endif
  raw_call(SYS_fcntl, fd, F_SETFL, 0, 0);
  raw_call(SYS_dup3, fd, 0, 0, 0);
}

static void run_child(struct caravan_birth *birth) {
  const struct caravan_spawn *what = &birth->what;
  raw_call(SYS_setsid, 0, 0, 0, 0);
  long answer = raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
  if (answer < 0) fail(birth, CARAVAN_SPAWN_PREPARE, answer);
  // The signal is not sent for a parent that is already gone.
  if (raw_call(SYS_getppid, 0, 0, 0, 0) != birth->parent) fail(birth, CARAVAN_SPAWN_PREPARE, ESRCH);
  const int standard[] = {what->stdin_fd, what->stdout_fd, what->stderr_fd};
  for (int number = 0; number < 3; number++) {
    answer = raw_call(SYS_dup3, standard[number], number, 0, 0);
    if (answer < 0) fail(birth, CARAVAN_SPAWN_PREPARE, answer);
  }
  // "0" is whoever writes it. Before anything that could make it grow.
  for (int at = birth->first_group; at < 2; at++) {
    if (what->groups[at] < 0) continue;
    answer = raw_call(SYS_write, what->groups[at], (long)"0", 1, 0);
    if (answer < 0) fail(birth, CARAVAN_SPAWN_GROUP, answer);
  }
  if (what->cpus != NULL) {
    answer = raw_call(SYS_sched_setaffinity, 0, (long)what->cpu_bytes, (long)what->cpus, 0);
    if (answer < 0) fail(birth, CARAVAN_SPAWN_PIN, answer);
  }
  if (what->umask >= 0) raw_call(SYS_umask, what->umask, 0, 0, 0);
  // Older kernels (before 5.9) do not have it: ours are all close-on-exec anyway.
  raw_call(SYS_close_range, 3, ~0U, 0, 0);
  if (what->open_files > 0) set_open_files(what->open_files);
  answer = raw_call(SYS_chdir, (long)what->cwd, 0, 0, 0);
  if (answer < 0) fail(birth, CARAVAN_SPAWN_CHDIR, answer);
  if (what->stdin_path != NULL) open_stdin(birth);

  // handler, flags, restorer and mask: the default has none of them.
  const uint64_t by_default[4] = {0};
  for (int at = 0; at < ignored_count; at++)
    raw_call(SYS_rt_sigaction, ignored[at], (long)by_default, 0, kernel_sigset_bytes);
  const uint64_t none = 0;
  raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, kernel_sigset_bytes);

  long error = -ENOENT;
  for (const char *const *candidate = what->candidates; *candidate; candidate++) {
    answer = raw_call(SYS_execve, (long)*candidate, (long)what->argv, (long)what->envp, 0);
    if (answer == -EACCES) error = answer;
    if (answer == -EACCES || answer == -ENOENT || answer == -ENOTDIR) continue;
    error = answer;
    break;
  }
  fail(birth, CARAVAN_SPAWN_EXEC, error);
}

#if CARAVAN_RAW
// The C library has no call for a child that goes on, on another stack, while we do: it is a system call and a jump.
static long begin(long number, long a, long b, long c, long d, struct caravan_birth *birth) {
#if defined(__x86_64__)
  register long fourth __asm__("r10") = d;
  register struct caravan_birth *given __asm__("r12") = birth;
  register void (*run)(struct caravan_birth *) __asm__("r13") = run_child;
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
      : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(given), "r"(run)
      : "rcx", "r11", "memory", "cc");
  return result;
#else
  register long eighth __asm__("x8") = number;
  register long first __asm__("x0") = a;
  register long second __asm__("x1") = b;
  register long third __asm__("x2") = c;
  register long fourth __asm__("x3") = d;
  // The fifth of clone(2) on this processor.
  register long fifth __asm__("x4") = d;
  register struct caravan_birth *given __asm__("x9") = birth;
  register void (*run)(struct caravan_birth *) __asm__("x10") = run_child;
  __asm__ volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x9\n\t"
      "blr x10\n\t"
      "brk 1\n"
      "1:"
      : "+r"(first)
      : "r"(eighth), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(given), "r"(run)
      : "memory", "cc");
  return first;
#endif
}

// A process that is moved into a control group waits for all processors to have passed through the kernel's scheduler
// (10 ms where they idle), and makes every fork and exit on the host dearer for a while: one that is born there does not.
// Kernels before 5.7 do not know it, and some containers forbid it: those are asked once. -> its pid, or -errno
static long make_in_group(struct caravan_birth *birth, uint64_t flags) {
  static _Atomic int is_missing = 0;
  if (birth->what.born_in < 0 || is_missing) return -ENOSYS;
  struct clone_args arguments = {
    .flags = flags | CLONE_INTO_CGROUP,
    .exit_signal = SIGCHLD,
    .child_tid = (uint64_t)(uintptr_t)&birth->is_busy,
    .stack = (uint64_t)(uintptr_t)birth->stack,
    .stack_size = sizeof birth->stack,
    .cgroup = (uint64_t)birth->what.born_in,
  };
  birth->first_group = 1;
  long pid = begin(SYS_clone3, (long)&arguments, sizeof arguments, 0, 0, birth);
  if (pid > 0) return pid;
  birth->first_group = 0;
  if (pid != -ENOSYS && pid != -EINVAL && pid != -EPERM) return pid;
  is_missing = 1;
  return -ENOSYS;
}

static long make(struct caravan_birth *birth, int *is_of_group) {
  const uint64_t flags = CLONE_VM | CLONE_CHILD_CLEARTID | (birth->what.waits ? CLONE_VFORK : 0);
  long pid = make_in_group(birth, flags);
  // No room for a process is what any may say; all else is said of the group.
  *is_of_group = pid < 0 && pid != -ENOSYS && pid != -EAGAIN && pid != -ENOMEM;
  if (pid != -ENOSYS) return pid;
  char *top = birth->stack + sizeof birth->stack;
  return begin(SYS_clone, (long)(flags | SIGCHLD), (long)top, 0, (long)&birth->is_busy, birth);
}
#else
// Here we wait for it.
static long make(struct caravan_birth *birth, int *is_of_group) {
  *is_of_group = 0;
  pid_t pid = vfork();
  if (pid == 0) run_child(birth);
  birth->is_busy = 0;
  return pid < 0 ? -errno : pid;
}
#endif

struct caravan_birth *caravan_birth_make(void) {
  struct caravan_birth *birth = aligned_alloc(_Alignof(struct caravan_birth), sizeof *birth);
  if (birth != NULL) atomic_init(&birth->is_busy, 0);
  return birth;
}

void caravan_birth_free(struct caravan_birth *birth) { free(birth); }

int caravan_birth_is_over(const struct caravan_birth *birth) { return birth->is_busy == 0; }

struct caravan_spawned caravan_birth_outcome(const struct caravan_birth *birth, pid_t pid) {
  return (struct caravan_spawned){birth->stage, birth->error, pid};
}

struct caravan_spawned caravan_spawn(const struct caravan_spawn *what, struct caravan_birth *birth) {
  if (what->stdin_fd < 3 || what->stdout_fd < 3 || what->stderr_fd < 3)
    return (struct caravan_spawned){CARAVAN_SPAWN_PREPARE, EINVAL, -1};
  pthread_once(&ignored_once, find_ignored);
  birth->what = *what;
  birth->parent = getpid();
  birth->first_group = 0;
  birth->stage = CARAVAN_SPAWN_RUNNING;
  birth->error = 0;
  birth->is_busy = 1;

  int is_of_group;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const long pid = make(birth, &is_of_group);
  pthread_sigmask(SIG_SETMASK, &before, NULL);

  if (pid > 0) return (struct caravan_spawned){CARAVAN_SPAWN_RUNNING, 0, (pid_t)pid};
  birth->is_busy = 0;
  return (struct caravan_spawned){is_of_group ? CARAVAN_SPAWN_GROUP : CARAVAN_SPAWN_PREPARE, (int)-pid, -1};
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
