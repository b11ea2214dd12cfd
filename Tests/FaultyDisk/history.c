#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Disks write whole sectors; SQLite's pages are larger.
enum { SECTOR = 512, PAGE = 4096 };

enum what { WRITE, TRUNCATE, SYNC, REMOVE, REMOVE_DURABLY };

struct operation {
  enum what what;
  int file;
  int64_t offset; // TRUNCATE: the new size
  size_t count;
  unsigned char *bytes;
};

struct image {
  unsigned char *bytes;
  size_t size, room;
};

struct file {
  char *name;
  // What is durable, as far as cuts have come, and where the first operation is that may not be.
  struct image durable;
  int exists;
  long pending;
};

struct history {
  struct operation *operations;
  long count, room;
  struct file *files;
  int file_count;
  long replayed;
};

static void *grown(void *block, size_t bytes) {
  void *more = realloc(block, bytes);
  if (!more) abort();
  return more;
}

history *history_new(void) { return calloc(1, sizeof(history)); }

void history_free(history *all) {
  for (long i = 0; i < all->count; i++) free(all->operations[i].bytes);
  for (int i = 0; i < all->file_count; i++) free(all->files[i].name), free(all->files[i].durable.bytes);
  free(all->operations);
  free(all->files);
  free(all);
}

long history_count(const history *all) { return all->count; }

static int file_named(history *all, const char *name) {
  for (int i = 0; i < all->file_count; i++)
    if (!strcmp(all->files[i].name, name)) return i;
  all->files = grown(all->files, (all->file_count + 1) * sizeof(struct file));
  all->files[all->file_count] = (struct file){.name = strdup(name)};
  return all->file_count++;
}

static struct operation *add(history *all, enum what what, const char *name) {
  if (all->count == all->room) {
    all->room = all->room ? 2 * all->room : 1024;
    all->operations = grown(all->operations, all->room * sizeof(struct operation));
  }
  struct operation *added = &all->operations[all->count++];
  *added = (struct operation){.what = what, .file = file_named(all, name)};
  return added;
}

void history_write(history *all, const char *name, const void *bytes, size_t count, int64_t offset) {
  struct operation *added = add(all, WRITE, name);
  added->offset = offset;
  added->count = count;
  added->bytes = grown(NULL, count);
  memcpy(added->bytes, bytes, count);
}

void history_truncate(history *all, const char *name, int64_t size) { add(all, TRUNCATE, name)->offset = size; }
void history_sync(history *all, const char *name) { add(all, SYNC, name); }
void history_remove(history *all, const char *name, int durable) { add(all, durable ? REMOVE_DURABLY : REMOVE, name); }

// Images

static void resize(struct image *image, size_t size) {
  if (size > image->room) image->bytes = grown(image->bytes, image->room = 2 * size);
  if (size > image->size) memset(image->bytes + image->size, 0, size - image->size);
  image->size = size;
}

static void put(struct image *image, int64_t offset, const unsigned char *bytes, size_t count) {
  if (offset + count > image->size) resize(image, offset + count);
  memcpy(image->bytes + offset, bytes, count);
}

static void apply(struct image *image, int *exists, const struct operation *done) {
  switch (done->what) {
    case WRITE:
      put(image, done->offset, done->bytes, done->count);
      *exists = 1;
      break;
    case TRUNCATE: resize(image, done->offset); break;
    case SYNC: *exists = 1; break;
    case REMOVE:
    case REMOVE_DURABLY:
      resize(image, 0);
      *exists = 0;
  }
}

// The dice: https://prng.di.unimi.it/splitmix64.c

static uint64_t roll(uint64_t *dice) {
  uint64_t z = *dice += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

// What the power leaves of writes that were not synced.
enum left { NOTHING, BEGINNING, WRITES, PAGES, SECTORS, RUBBISH, EVERYTHING, KINDS };

// A write of which only some blocks reach the disk. What lies beyond the file's end as it was may hold anything then.
static void tear(struct image *image, const struct operation *done, int block, int rubbish, uint64_t *dice) {
  size_t end_before = image->size;
  for (int64_t at = done->offset; at < done->offset + (int64_t)done->count;) {
    int64_t next = (at / block + 1) * block;
    if (next > done->offset + (int64_t)done->count) next = done->offset + done->count;
    if (roll(dice) & 1) {
      put(image, at, done->bytes + (at - done->offset), next - at);
    } else if (rubbish && (size_t)at >= end_before) {
      unsigned char bytes[PAGE];
      for (int i = 0; i < PAGE; i++) bytes[i] = roll(dice);
      put(image, at, bytes, next - at);
    }
    at = next;
  }
}

static void keep_some(history *all, int f, long first, long end, struct image *image, int *exists, uint64_t *dice) {
  enum left left = roll(dice) % KINDS;
  long own = 0, at = 0;
  for (long i = first; i < end; i++) own += all->operations[i].file == f;
  long whole = own ? (long)(roll(dice) % own) : 0;
  for (long i = first; i < end; i++) {
    const struct operation *done = &all->operations[i];
    if (done->file != f) continue;
    int is_kept = left == EVERYTHING || (left == BEGINNING && at < whole);
    if (left != NOTHING && left != BEGINNING && left != EVERYTHING && (done->what != WRITE || left == WRITES)) is_kept = roll(dice) & 1;
    if (is_kept) {
      apply(image, exists, done);
    } else if (done->what == WRITE && ((left == BEGINNING && at == whole) || left == PAGES || left == SECTORS || left == RUBBISH)) {
      tear(image, done, left == PAGES ? PAGE : SECTOR, left == RUBBISH, dice);
      *exists = 1;
    }
    at++;
  }
}

static int store(const struct image *image, const char *folder, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  for (size_t at = 0; at < image->size;) {
    ssize_t count = write(fd, image->bytes + at, image->size - at);
    if (count < 0) {
      int failure = errno;
      close(fd);
      return failure;
    }
    at += count;
  }
  close(fd);
  return 0;
}

// All of the file up to and with this operation is durable.
static void settle(history *all, int f, long last) {
  struct file *file = &all->files[f];
  for (long i = file->pending; i <= last; i++)
    if (all->operations[i].file == f) apply(&file->durable, &file->exists, &all->operations[i]);
  if (file->pending <= last) file->pending = last + 1;
}

// The folder is synced: what was removed does not come back.
static void settle_removals(history *all, long last) {
  for (long i = 0; i <= last; i++)
    if (all->operations[i].what == REMOVE && i >= all->files[all->operations[i].file].pending) settle(all, all->operations[i].file, i);
}

int history_cut(history *all, long operations, uint64_t seed, const char *into) {
  if (operations < all->replayed || operations > all->count) return EINVAL;
  for (; all->replayed < operations; all->replayed++) {
    const struct operation *done = &all->operations[all->replayed];
    if (done->what != SYNC && done->what != REMOVE_DURABLY) continue;
    // SQLite syncs the folder with the first sync of a log or journal that it has made.
    if (done->what == REMOVE_DURABLY || !all->files[done->file].exists) settle_removals(all, all->replayed);
    settle(all, done->file, all->replayed);
  }
  uint64_t dice = seed;
  for (int f = 0; f < all->file_count; f++) {
    const struct file *file = &all->files[f];
    struct image image = {.bytes = grown(NULL, file->durable.size + 1), .size = file->durable.size, .room = file->durable.size + 1};
    if (image.size) memcpy(image.bytes, file->durable.bytes, image.size);
    int exists = file->exists;
    keep_some(all, f, file->pending, operations, &image, &exists, &dice);
    int failure = exists ? store(&image, into, file->name) : 0;
    free(image.bytes);
    if (failure) return failure;
  }
  return 0;
}
