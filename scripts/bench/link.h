// A connection, plain or over TLS, that answers alike: how many bytes, later, or never again. TLS is compiled in with
// -DWITH_TLS, where OpenSSL's headers are.

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

enum { LINK_LATER = -1, LINK_ENDED = -2 };

struct link {
  int socket;
#ifdef WITH_TLS
  SSL *tls;
#endif
};

static void die(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

#ifdef WITH_TLS
static ssize_t tls_outcome(SSL *tls, int count) {
  if (count > 0) return count;
  int reason = SSL_get_error(tls, count);
  return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? LINK_LATER : LINK_ENDED;
}
#endif

/* On a socket that blocks, this waits. */
static ssize_t link_read(struct link *link, void *bytes, size_t room) {
#ifdef WITH_TLS
  if (link->tls != NULL) {
    ERR_clear_error();
    return tls_outcome(link->tls, SSL_read(link->tls, bytes, (int)room));
  }
#endif
  ssize_t count = recv(link->socket, bytes, room, 0);
  if (count > 0) return count;
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? LINK_LATER : LINK_ENDED;
}

static ssize_t link_write(struct link *link, const void *bytes, size_t length) {
#ifdef WITH_TLS
  if (link->tls != NULL) {
    ERR_clear_error();
    return tls_outcome(link->tls, SSL_write(link->tls, bytes, (int)length));
  }
#endif
  ssize_t count = send(link->socket, bytes, length, MSG_NOSIGNAL);
  if (count >= 0) return count;
  return errno == EAGAIN || errno == EINTR ? LINK_LATER : LINK_ENDED;
}

/* Whether what was read is all that has arrived, so that there is no need to ask again. */
static int link_is_dry(const struct link *link, size_t count, size_t room) {
#ifdef WITH_TLS
  if (link->tls != NULL) return 0;
#endif
  (void)link;
  return count < room;
}

#ifdef WITH_TLS
static SSL_CTX *tls_context(const SSL_METHOD *method) {
  SSL_CTX *context = SSL_CTX_new(method);
  if (context == NULL) die("no TLS context");
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  // A part of a message may leave alone, and what is left be offered again from another place.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  return context;
}
#endif
