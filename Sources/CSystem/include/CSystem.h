#ifndef CARAVAN_CSYSTEM_H
#define CARAVAN_CSYSTEM_H
// What Swift cannot call itself: variadic functions, macros, GNU extensions and code that runs between
// fork and exec. One header; each concept has its own .c file. Functions that return int answer -1 with
// errno as the calls they wrap do, unless said otherwise.

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>

// thread.c

// Names the calling thread (at most 15 bytes are kept).
void caravan_thread_name(const char *name);

// descriptor.c: all descriptors are made close-on-exec.

// [0] reads and does not block; [1] writes and does, as programs expect of their output.
int caravan_pipe(int ends[2]);
int caravan_accept(int listener, struct sockaddr *address, socklen_t *length); // non-blocking
int caravan_socket(int family);                // a non-blocking TCP socket
int caravan_socketpair(int ends[2]);           // of a stream; neither blocks
int caravan_eventfd(void);                     // non-blocking, counter 0
// A timer of CLOCK_BOOTTIME as a descriptor, non-blocking; and when it is due, in nanoseconds of that clock.
int caravan_alarm(void);
int caravan_alarm_at(int fd, int64_t nanoseconds);
int caravan_set_nonblocking(int fd);
int caravan_open(const char *path, int flags, unsigned mode);
// Takes an exclusive lock of the whole file (an open-file-description lock, fcntl(2) F_OFD_SETLK): it
// goes with the last copy of the descriptor. -1 and EAGAIN where another has it.
int caravan_lock(int fd);
int caravan_memfd(const char *name);           // a file in memory, memfd_create(2)
// Whether the descriptor stays open over exec: 1 or 0.
int caravan_set_inherited(int fd, int inherited);
int caravan_getrandom(void *bytes, size_t count); // 0, or -1

// signals.c

// Blocks these signals in the calling thread (and threads it makes from now on) and answers a
// non-blocking descriptor that tells of them.
int caravan_signalfd(const int *signals, size_t count);
// The number of the next signal that came; 0: none is waiting.
int caravan_signalfd_next(int fd);
void caravan_ignore_sigpipe(void);
// At SIGBUS the process says these words on standard error and ends with that code. The kernel sends it where a mapped
// file has no room on its disk, or cannot be read.
void caravan_end_at_bus_error(const char *words, int code);

// spawn.c

enum caravan_spawn_stage {
  CARAVAN_SPAWN_RUNNING = 0,   // it was executed, or is about to be; `pid` is it
  CARAVAN_SPAWN_PREPARE,       // pipe, clone or dup failed
  CARAVAN_SPAWN_GROUP,         // a control group could not be joined
  CARAVAN_SPAWN_PIN,           // it may not run on these CPUs
  CARAVAN_SPAWN_CHDIR,         // the working directory could not be entered
  CARAVAN_SPAWN_STDIN,         // the file could not be opened; ESPIPE: it is none that can be read from its beginning
  CARAVAN_SPAWN_EXEC,          // no candidate could be executed
};

// All that it points to is to stay as it is until the birth is over.
struct caravan_spawn {
  // Tried in order, the last NULL: while one is missing (ENOENT, ENOTDIR) or may not be executed
  // (EACCES), the next is.
  const char *const *candidates;
  const char *const *argv;      // ends with NULL
  const char *const *envp;      // ends with NULL
  const char *cwd;
  int stdin_fd, stdout_fd, stderr_fd; // above 2, or it fails with EINVAL
  const char *stdin_path;       // a file to read instead, as seen from `cwd`; NULL: none
  uint64_t open_files;          // the soft limit of open files that it gets; 0: ours
  int born_in;                  // the folder of a control group of version 2 that it is born in, open; -1: ours
  int groups[2];                // cgroup.procs of control groups that it joins, open for writing; -1: none; the first
                                // only where it was not born in one
  int umask;                    // -1: ours
  const unsigned char *cpus;    // a bit for each core it may run on, the lowest first; NULL: as we
  size_t cpu_bytes;
  int waits;                    // until it has executed or ended. Else a kernel that runs out of memory for it meanwhile
                                // takes us with it, whose memory it borrows
};

struct caravan_spawned {
  int stage;                    // enum caravan_spawn_stage
  int error;                    // errno of that stage; 0 where it runs
  pid_t pid;                    // its session and process group, too: soon, where it is not waited for
};

// What a child runs on until it has executed its program; for one child at a time.
struct caravan_birth;
struct caravan_birth *caravan_birth_make(void); // NULL: no memory
void caravan_birth_free(struct caravan_birth *birth); // once it is over
// It was executed, or has ended: nothing of ours is used any more.
int caravan_birth_is_over(const struct caravan_birth *birth);
// Once it is over; what did not get as far as exec has ended, or is about to, with 127.
struct caravan_spawned caravan_birth_outcome(const struct caravan_birth *birth, pid_t pid);

// Begins to run a program in a session of its own, with default signal handling and nothing open but its three
// descriptors. It is killed when the calling *thread* ends (prctl(2) PR_SET_PDEATHSIG). Signals that are sent to it before
// it has executed wait for that, but SIGKILL; it may not have its process group yet.
struct caravan_spawned caravan_spawn(const struct caravan_spawn *what, struct caravan_birth *birth);

// Runs a program of our own in a session of its own, with default signal handling, our standard descriptors and `socket` as
// descriptor `as`; nothing else is open. It outlives us. Its pid, or -1 with errno.
// (`as` may be a standard descriptor, which then is not ours.)
pid_t caravan_spawn_link(const char *path, const char *const *argv, const char *const *envp, int socket, int as);

// Replaces this process's program; comes back only where that fails: execve(2).
int caravan_exec(const char *path, const char *const *argv, const char *const *envp);

// process.c

int caravan_pidfd_open(pid_t pid);
int caravan_pidfd_kill(int pidfd, int signal);
// Orphans among our descendants become our children: prctl(2) PR_SET_CHILD_SUBREAPER.
int caravan_become_subreaper(void);
// The signal that comes when our parent's thread ends: prctl(2) PR_SET_PDEATHSIG.
int caravan_die_with_parent(int signal);

struct caravan_reaped {
  pid_t pid;
  int is_signal;                // ended by a signal, not by exit
  int code;                     // exit code or signal number
  int64_t cpu_microseconds;     // user and system, with its own waited-for children
  // Peak resident size in KB, of it or of a waited-for child; at least as large as the parent's was at the
  // fork (getrusage(2) counts what vfork shares).
  int64_t peak_kb;
};
// Takes one ended child without waiting: of any pid where `pid` is -1. 1: taken; 0: none has ended;
// -1 and ECHILD: there is no such child.
int caravan_reap(pid_t pid, struct caravan_reaped *reaped);

// host.c

// 1: the file has an extended attribute of that name with exactly that text (xattr(7)); 0: it has not.
int caravan_has_attribute(const char *path, const char *name, const char *text);
// Our own peak resident size in KB: getrusage(2).
int64_t caravan_own_peak_kb(void);
// Cores that this process may run on: sched_getaffinity(2); -1 where it cannot be told.
int caravan_affinity_cores(void);
// A bit for each of those cores, the lowest first, into `bytes` bytes that were zero.
int caravan_affinity(unsigned char *set, size_t bytes);
// 0, or -1 with errno of setrlimit(2).
int caravan_open_files(uint64_t *soft, uint64_t *hard);
int caravan_set_open_files(uint64_t soft, uint64_t hard);

#endif
