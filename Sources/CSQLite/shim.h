#ifndef CARAVAN_CSQLITE_H
#define CARAVAN_CSQLITE_H
#include <sqlite3.h>

// sqlite3_db_config is variadic, which Swift cannot call.
static inline int caravan_sqlite_keep_log_on_close(sqlite3 *database, int keeps) {
  return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keeps, (int *)0);
}
#endif
