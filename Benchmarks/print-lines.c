// A task that prints: so many lines of so many characters, on either stream or on both.
//
//   print-lines LINES WIDTH out|err|both
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print(FILE *stream, int lines, int width, char letter) {
  for (int i = 0; i < lines; i++) {
    for (int j = 1; j < width; j++) putc(letter, stream);
    putc('\n', stream);
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  static char buffer[1 << 16];
  setvbuf(stderr, buffer, _IOFBF, sizeof buffer);
  const int lines = atoi(argv[1]), width = atoi(argv[2]);
  if (strcmp(argv[3], "err") != 0) print(stdout, lines, width, 'o');
  if (strcmp(argv[3], "out") != 0) print(stderr, lines, width, 'e');
  return 0;
}
