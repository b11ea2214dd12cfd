// The floor of all goals: how many processes a second this machine can start and reap at all, with `slots` of them alive
// at a time, doing nothing else: no pipes, no logs, no state. What they print is dropped.
//
//   spawn-floor COUNT SLOTS PROGRAM [ARGUMENT...]      prints processes a second
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  const int count = atoi(argv[1]), slots = atoi(argv[2]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  int alive = 0;
  for (int started = 0; started < count || alive > 0;) {
    if (started < count && alive < slots) {
      pid_t child;
      if (posix_spawn(&child, argv[3], &actions, NULL, argv + 3, environ) != 0) return 1;
      started++;
      alive++;
    } else {
      int status;
      if (waitpid(-1, &status, 0) < 0 || status != 0) return 1;
      alive--;
    }
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.1f\n", count / ((end.tv_sec - begin.tv_sec) + (end.tv_nsec - begin.tv_nsec) / 1e9));
  return 0;
}
