// What was written to a folder's files, in order, and what a power cut leaves of it.
#ifndef CARAVAN_FAULTY_DISK_HISTORY_H
#define CARAVAN_FAULTY_DISK_HISTORY_H
#include <stddef.h>
#include <stdint.h>

typedef struct history history;

history *history_new(void);
void history_free(history *all);
long history_count(const history *all);

// `name`: without its folder.
void history_write(history *all, const char *name, const void *bytes, size_t count, int64_t offset);
void history_truncate(history *all, const char *name, int64_t size);
void history_sync(history *all, const char *name);
// `durable`: the folder was synced with it.
void history_remove(history *all, const char *name, int durable);

int history_cut(history *all, long operations, uint64_t seed, const char *into);
#endif
