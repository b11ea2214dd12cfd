// A disk that fails, for tests: SQLite's own file system with a layer above it, that refuses what a test says, and can
// tell what would be left where the power is cut. For files of the folders it is told of; all others pass by it.
//
// What is written is kept in order. A sync makes all of its file durable that was written before it. Of the rest a
// power cut leaves what the dice say: nothing, the beginning, some writes, pages or sectors and not others, or all.
#ifndef CARAVAN_FAULTY_DISK_H
#define CARAVAN_FAULTY_DISK_H
#include <stdint.h>

typedef struct faulty_disk faulty_disk;

enum {
  FAULTY_DISK_WRITE = 1,
  FAULTY_DISK_SYNC = 2,
  FAULTY_DISK_TRUNCATE = 3,
};

// Watches the files of a folder from now on. Nothing of it is really synced, which makes it fast. `keeps`: what is
// written is kept for `faulty_disk_cut`. The folder's path is taken as SQLite is given it.
faulty_disk *faulty_disk_watch(const char *folder, int keeps);

// Files that are open stay watched until they are closed.
void faulty_disk_forget(faulty_disk *disk);

// Refuses operations of a kind with a result code: `count` of them, the first of which is the `nth` from now (1: the
// next). `suffix`: only on files whose names end so; NULL: on any. One rule a kind.
void faulty_disk_refuse(faulty_disk *disk, int kind, const char *suffix, long nth, long count, int code);

// Refuses nothing any more.
void faulty_disk_mend(faulty_disk *disk);

// How many operations were refused since it was mended last.
long faulty_disk_refusals(const faulty_disk *disk);

// How many writes, syncs, truncations and removals were done so far.
long faulty_disk_operations(const faulty_disk *disk);

// Writes into an existing empty folder what is left where the power is cut after so many operations; each call's number
// must be at least that of the one before. 0, or errno.
int faulty_disk_cut(faulty_disk *disk, long operations, uint64_t seed, const char *into);
#endif
