// System calls as the kernel has them: -errno where they fail. A child that borrows its parent's memory while that one goes
// on may not touch the parent's `errno`.
#pragma once
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__aarch64__)
// Whether a child can have a stack of its own here (see spawn.c), and calls need no C library.
#define CARAVAN_RAW 1
#else
#define CARAVAN_RAW 0
#endif

static inline long raw_call(long number, long a, long b, long c, long d) {
#if defined(__x86_64__)
  register long fourth __asm__("r10") = d;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                   : "rcx", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register long eighth __asm__("x8") = number;
  register long first __asm__("x0") = a;
  register long second __asm__("x1") = b;
  register long third __asm__("x2") = c;
  register long fourth __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(first) : "r"(eighth), "r"(second), "r"(third), "r"(fourth) : "memory", "cc");
  return first;
#else
  long result = syscall(number, a, b, c, d);
  return result < 0 ? -errno : result;
#endif
}
