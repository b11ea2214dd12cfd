// The layer: https://www.sqlite.org/vfs.html
#include "faulty_disk.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"

struct rule {
  long wait, count;
  int code;
  const char *suffix;
};

struct faulty_disk {
  faulty_disk *next;
  char *folder;
  size_t folder_length;
  history *history; // NULL: nothing is kept
  struct rule rules[4];
  long refusals;
  int open_files, is_forgotten;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static faulty_disk *disks;
static sqlite3_vfs *below;

// An open file: the one below follows it in memory.
struct layered {
  sqlite3_file base;
  faulty_disk *disk;
  const char *name;
};

static sqlite3_file *under(sqlite3_file *file) { return (sqlite3_file *)((struct layered *)file + 1); }

static faulty_disk *disk_of(const char *path) {
  if (!path) return NULL;
  faulty_disk *found = NULL;
  pthread_mutex_lock(&lock);
  for (faulty_disk *disk = disks; disk; disk = disk->next)
    if (!strncmp(path, disk->folder, disk->folder_length) && path[disk->folder_length] == '/') found = disk;
  pthread_mutex_unlock(&lock);
  return found;
}

static int ends_so(const char *name, const char *suffix) {
  size_t length = strlen(name), own = strlen(suffix);
  return length >= own && !strcmp(name + length - own, suffix);
}

// SQLITE_OK, or what the operation is refused with. The lock is held.
static int refusal(struct layered *file, int kind) {
  struct rule *rule = &file->disk->rules[kind];
  if (rule->count <= 0 || (rule->suffix && !ends_so(file->name, rule->suffix))) return SQLITE_OK;
  if (--rule->wait > 0) return SQLITE_OK;
  rule->count--;
  file->disk->refusals++;
  return rule->code;
}

static void dispose(faulty_disk *disk) {
  for (int kind = 0; kind < 4; kind++) free((char *)disk->rules[kind].suffix);
  if (disk->history) history_free(disk->history);
  free(disk->folder);
  free(disk);
}

// Of a file

static int layer_close(sqlite3_file *file) {
  faulty_disk *disk = ((struct layered *)file)->disk;
  int code = under(file)->pMethods->xClose(under(file));
  pthread_mutex_lock(&lock);
  int is_last = --disk->open_files == 0 && disk->is_forgotten;
  pthread_mutex_unlock(&lock);
  if (is_last) dispose(disk);
  return code;
}
static int layer_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  return under(file)->pMethods->xRead(under(file), bytes, count, offset);
}

static int layer_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
  struct layered *own = (struct layered *)file;
  pthread_mutex_lock(&lock);
  int code = refusal(own, FAULTY_DISK_WRITE);
  if (code) {
    // A disk that fills takes the beginning.
    count = count / 2;
    if (count) under(file)->pMethods->xWrite(under(file), bytes, count, offset);
  } else {
    code = under(file)->pMethods->xWrite(under(file), bytes, count, offset);
    if (code) count = 0;
  }
  if (own->disk->history && count) history_write(own->disk->history, own->name, bytes, count, offset);
  pthread_mutex_unlock(&lock);
  return code;
}

static int layer_truncate(sqlite3_file *file, sqlite3_int64 size) {
  struct layered *own = (struct layered *)file;
  pthread_mutex_lock(&lock);
  int code = refusal(own, FAULTY_DISK_TRUNCATE);
  if (!code) code = under(file)->pMethods->xTruncate(under(file), size);
  if (!code && own->disk->history) history_truncate(own->disk->history, own->name, size);
  pthread_mutex_unlock(&lock);
  return code;
}

static int layer_sync(sqlite3_file *file, int flags) {
  struct layered *own = (struct layered *)file;
  (void)flags;
  pthread_mutex_lock(&lock);
  int code = refusal(own, FAULTY_DISK_SYNC);
  if (!code && own->disk->history) history_sync(own->disk->history, own->name);
  pthread_mutex_unlock(&lock);
  return code;
}

static int layer_size(sqlite3_file *file, sqlite3_int64 *size) { return under(file)->pMethods->xFileSize(under(file), size); }
static int layer_lock(sqlite3_file *file, int level) { return under(file)->pMethods->xLock(under(file), level); }
static int layer_unlock(sqlite3_file *file, int level) { return under(file)->pMethods->xUnlock(under(file), level); }
static int layer_reserved(sqlite3_file *file, int *is) { return under(file)->pMethods->xCheckReservedLock(under(file), is); }
static int layer_control(sqlite3_file *file, int what, void *argument) {
  return under(file)->pMethods->xFileControl(under(file), what, argument);
}
static int layer_sector(sqlite3_file *file) { return under(file)->pMethods->xSectorSize(under(file)); }
static int layer_device(sqlite3_file *file) { return under(file)->pMethods->xDeviceCharacteristics(under(file)); }
static int layer_map(sqlite3_file *file, int page, int size, int extends, void volatile **out) {
  return under(file)->pMethods->xShmMap(under(file), page, size, extends, out);
}
static int layer_shared_lock(sqlite3_file *file, int offset, int count, int flags) {
  return under(file)->pMethods->xShmLock(under(file), offset, count, flags);
}
static void layer_barrier(sqlite3_file *file) { under(file)->pMethods->xShmBarrier(under(file)); }
static int layer_unmap(sqlite3_file *file, int removes) { return under(file)->pMethods->xShmUnmap(under(file), removes); }

// Version 2: without memory-mapped reads, which nobody asks for here.
static const sqlite3_io_methods methods = {
  2, layer_close, layer_read, layer_write, layer_truncate, layer_sync, layer_size, layer_lock, layer_unlock,
  layer_reserved, layer_control, layer_sector, layer_device, layer_map, layer_shared_lock, layer_barrier, layer_unmap, NULL, NULL,
};

// Of the file system

static int layer_open(sqlite3_vfs *self, const char *path, sqlite3_file *file, int flags, int *given) {
  (void)self;
  faulty_disk *disk = disk_of(path);
  // As if there were no layer.
  if (!disk) return below->xOpen(below, path, file, flags, given);
  struct layered *own = (struct layered *)file;
  own->base.pMethods = NULL;
  own->disk = disk;
  own->name = path + disk->folder_length + 1;
  int code = below->xOpen(below, path, under(file), flags, given);
  if (under(file)->pMethods) {
    own->base.pMethods = &methods;
    pthread_mutex_lock(&lock);
    disk->open_files++;
    pthread_mutex_unlock(&lock);
  }
  return code;
}

static int layer_delete(sqlite3_vfs *self, const char *path, int syncs_folder) {
  (void)self;
  faulty_disk *disk = disk_of(path);
  int code = below->xDelete(below, path, disk ? 0 : syncs_folder);
  if (!code && disk && disk->history) {
    pthread_mutex_lock(&lock);
    history_remove(disk->history, path + disk->folder_length + 1, syncs_folder);
    pthread_mutex_unlock(&lock);
  }
  return code;
}

static void install(void) {
  below = sqlite3_vfs_find(NULL);
  // All else is that of the one below.
  static sqlite3_vfs layer;
  layer = *below;
  layer.zName = "faulty-disk";
  layer.szOsFile = below->szOsFile + (int)sizeof(struct layered);
  layer.xOpen = layer_open;
  layer.xDelete = layer_delete;
  if (sqlite3_vfs_register(&layer, 1)) abort();
}

// For tests

faulty_disk *faulty_disk_watch(const char *folder, int keeps) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install);
  faulty_disk *disk = calloc(1, sizeof *disk);
  disk->folder = strdup(folder);
  disk->folder_length = strlen(folder);
  if (keeps) disk->history = history_new();
  pthread_mutex_lock(&lock);
  disk->next = disks;
  disks = disk;
  pthread_mutex_unlock(&lock);
  return disk;
}

void faulty_disk_forget(faulty_disk *disk) {
  pthread_mutex_lock(&lock);
  for (faulty_disk **place = &disks; *place; place = &(*place)->next)
    if (*place == disk) {
      *place = disk->next;
      break;
    }
  disk->is_forgotten = 1;
  int is_unused = disk->open_files == 0;
  pthread_mutex_unlock(&lock);
  if (is_unused) dispose(disk);
}

void faulty_disk_refuse(faulty_disk *disk, int kind, const char *suffix, long nth, long count, int code) {
  pthread_mutex_lock(&lock);
  free((char *)disk->rules[kind].suffix);
  disk->rules[kind] = (struct rule){.wait = nth, .count = count, .code = code, .suffix = suffix ? strdup(suffix) : NULL};
  pthread_mutex_unlock(&lock);
}

void faulty_disk_mend(faulty_disk *disk) {
  pthread_mutex_lock(&lock);
  for (int kind = 0; kind < 4; kind++) {
    free((char *)disk->rules[kind].suffix);
    disk->rules[kind] = (struct rule){0};
  }
  disk->refusals = 0;
  pthread_mutex_unlock(&lock);
}

long faulty_disk_refusals(const faulty_disk *disk) {
  pthread_mutex_lock(&lock);
  long count = disk->refusals;
  pthread_mutex_unlock(&lock);
  return count;
}

long faulty_disk_operations(const faulty_disk *disk) {
  pthread_mutex_lock(&lock);
  long count = disk->history ? history_count(disk->history) : 0;
  pthread_mutex_unlock(&lock);
  return count;
}

int faulty_disk_cut(faulty_disk *disk, long operations, uint64_t seed, const char *into) {
  pthread_mutex_lock(&lock);
  int failure = disk->history ? history_cut(disk->history, operations, seed, into) : 22;
  pthread_mutex_unlock(&lock);
  return failure;
}
