#define _GNU_SOURCE
#include "CSystem.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

int caravan_signalfd(const int *signals, size_t count) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < count; i++) sigaddset(&set, signals[i]);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int caravan_signalfd_next(int fd) {
  struct signalfd_siginfo info;
  return read(fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

void caravan_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }

static const char *bus_words;
static int bus_code;

static void on_bus_error(int number) {
  (void)number;
  ssize_t said = write(STDERR_FILENO, bus_words, strlen(bus_words));
  (void)said;
  _exit(bus_code);
}

void caravan_end_at_bus_error(const char *words, int code) {
  bus_words = strdup(words);
  bus_code = code;
  struct sigaction action = {.sa_handler = on_bus_error};
  sigaction(SIGBUS, &action, NULL);
}
