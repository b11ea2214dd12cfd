// What the tasks of a campaign are: a task that keeps its own record of what became of it.
//
//   witness RECORDS LOCKS [--ms MIN MAX] [--rare N MS] [--fail N] [--print BYTES] [--say TEXT] [--leave] [--stubborn] [NUMBER]
//
//   --ms MIN MAX   takes that long, by the dice of its fence
//   --rare N MS    once in N times it takes MS
//   --fail N       ends with exit code 3 in its attempts 1 to N
//   --print BYTES  prints that much, half of it at the beginning and half at the end
//   --say TEXT     prints TEXT
//   --leave        leaves a process behind, in a session of its own, where it fails
//   --stubborn     ignores SIGTERM
//
// RECORDS gets one line an event, each by one append, so that their order is that of the events:
//
//   start|end|term|overlap RUN TASK ATTEMPT FENCE AGENT NANOSECONDS NUMBER
//
// The time is CLOCK_BOOTTIME, the number an end's exit code. In a file of the task's own in LOCKS the byte at an attempt's fence is
// locked while any process of it lives (what it leaves behind inherits the lock): so an attempt sees which others live, and
// writes `overlap` with the fence of each.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int records;

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value ? value : "-";
}

static void record(const char *what, long number) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  char line[512];
  int length = snprintf(line, sizeof line, "%s %s %s %s %s %s %lld %ld\n", what, variable("CARAVAN_RUN_ID"),
                        variable("CARAVAN_TASK"), variable("CARAVAN_ATTEMPT"), variable("CARAVAN_FENCE"),
                        variable("CARAVAN_AGENT"), now.tv_sec * 1000000000LL + now.tv_nsec, number);
  if (write(records, line, length) != length) abort();
}

// Lines that say where they stand, so that a byte lost, doubled or out of place shows.
static void print(const char *task, long from, long to) {
  for (long at = from; at < to; at += 64) printf("%-50.50s %012ld\n", task, at);
  fflush(stdout);
}

int main(int count, char **words) {
  long least = 0, most = 0, rare = 0, rare_time = 0, bytes = 0, failures = 0;
  int leaves = 0, is_stubborn = 0;
  const char *text = "";
  if (count < 3) return 2;
  for (int i = 3; i < count; i++) {
    if (!strcmp(words[i], "--ms") && i + 2 < count) least = atol(words[i + 1]), most = atol(words[i + 2]), i += 2;
    else if (!strcmp(words[i], "--rare") && i + 2 < count) rare = atol(words[i + 1]), rare_time = atol(words[i + 2]), i += 2;
    else if (!strcmp(words[i], "--fail") && i + 1 < count) failures = atol(words[++i]);
    else if (!strcmp(words[i], "--print") && i + 1 < count) bytes = atol(words[++i]);
    else if (!strcmp(words[i], "--say") && i + 1 < count) text = words[++i];
    else if (!strcmp(words[i], "--leave")) leaves = 1;
    else if (!strcmp(words[i], "--stubborn")) is_stubborn = 1;
  }
  // Blocked from the first moment, taken by sigtimedwait below.
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, NULL);

  const char *task = variable("CARAVAN_TASK");
  records = open(words[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.%s", words[2], variable("CARAVAN_RUN_ID"), task);
  int lock = open(path, O_RDWR | O_CREAT, 0666);
  if (records < 0 || lock < 0) return 2;
  long long fence = atoll(variable("CARAVAN_FENCE"));
  struct flock own = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = fence, .l_len = 1};
  if (fcntl(lock, F_OFD_SETLK, &own)) abort();
  struct flock other = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  while (!fcntl(lock, F_OFD_GETLK, &other) && other.l_type != F_UNLCK) {
    record("overlap", other.l_start);
    other = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = other.l_start + 1};
  }
  record("start", 0);

  int rc = atol(variable("CARAVAN_ATTEMPT")) <= failures ? 3 : 0;
  if (rc && leaves && fork() == 0) {
    setsid();
    sleep(600);
    _exit(0);
  }
  long half = bytes / 128 * 64;
  print(task, 0, half);
  unsigned long long dice = fence * 2654435761ULL >> 8;
  long milliseconds = least;
  if (most > least) milliseconds += dice % (most - least + 1);
  if (rare && dice % rare == 0) milliseconds = rare_time;
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  if (is_stubborn) {
    nanosleep(&time, NULL);
  } else if (sigtimedwait(&term, NULL, &time) == SIGTERM) {
    record("term", 143);
    return 143;
  }
  print(task, half, bytes);
  fputs(text, stdout);
  fflush(stdout);
  record("end", rc);
  return rc;
}
