#ifndef CARAVAN_CMICROHTTPD_H
#define CARAVAN_CMICROHTTPD_H
#include <microhttpd.h>

// MHD_start_daemon is variadic, which Swift cannot call; all options come as an array instead.
static inline struct MHD_Daemon *caravan_mhd_start(unsigned int flags, MHD_AccessHandlerCallback handler,
                                                   void *context, struct MHD_OptionItem *options) {
  return MHD_start_daemon(flags, 0, NULL, NULL, handler, context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

// Callbacks as the integers that struct MHD_OptionItem wants.
static inline intptr_t caravan_mhd_completed(MHD_RequestCompletedCallback callback) { return (intptr_t)callback; }
static inline intptr_t caravan_mhd_connection(MHD_NotifyConnectionCallback callback) { return (intptr_t)callback; }
static inline intptr_t caravan_mhd_uri(void *(*callback)(void *, const char *, struct MHD_Connection *)) {
  return (intptr_t)callback;
}

// Macros that Swift does not import.
static inline uint64_t caravan_mhd_size_unknown(void) { return MHD_SIZE_UNKNOWN; }
static inline ssize_t caravan_mhd_end_of_stream(void) { return MHD_CONTENT_READER_END_OF_STREAM; }
static inline ssize_t caravan_mhd_end_with_error(void) { return MHD_CONTENT_READER_END_WITH_ERROR; }

// MHD_get_connection_info is variadic.
static inline void *caravan_mhd_socket_context(struct MHD_Connection *connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}
static inline int caravan_mhd_socket(struct MHD_Connection *connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}
static inline size_t caravan_mhd_header_size(struct MHD_Connection *connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
}

// MHD_set_response_options is variadic.
static inline void caravan_mhd_end_with_connection(struct MHD_Response *response) {
  MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}
#endif
