#ifndef CARAVAN_CSYSTEM_H
#define CARAVAN_CSYSTEM_H
// What Swift cannot call itself: variadic functions, macros, GNU extensions and code that runs between
// fork and exec. One header; each concept has its own .c file.

// Names the calling thread (at most 15 bytes are kept).
void caravan_thread_name(const char *name);

#endif
