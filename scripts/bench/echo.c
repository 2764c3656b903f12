// The least that a server can do for an echo: what arrives goes back, with epoll on one core. It frames nothing and knows
// nobody, so it is the ceiling that the others are seen against.
//
//   echo [CERTIFICATE KEY]        prints "listening on PORT"; ends with its parent

#include "link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { READ_BYTES = 65536, EVENTS = 256 };

struct client {
  struct link link;
  int shaking;
  uint8_t *held; /* what the peer has yet to take; nothing is read meanwhile */
  size_t held_bytes, held_sent;
};

static uint8_t buffer[READ_BYTES];
static int poller;
#ifdef WITH_TLS
static SSL_CTX *context;
#endif

static void drop(struct client *client) {
#ifdef WITH_TLS
  SSL_free(client->link.tls);
#endif
  close(client->link.socket);
  free(client->held);
  free(client);
}

/* What is left of `bytes` is kept. False: the client is gone. */
static int answer(struct client *client, const uint8_t *bytes, size_t length) {
  for (size_t sent = 0; sent < length;) {
    ssize_t count = link_write(&client->link, bytes + sent, length - sent);
    if (count == LINK_ENDED) return 0;
    if (count == LINK_LATER) {
      client->held_bytes = length - sent;
      client->held_sent = 0;
      if (client->held == NULL && (client->held = malloc(READ_BYTES)) == NULL) die("no memory");
      memmove(client->held, bytes + sent, client->held_bytes);
      return 1;
    }
    sent += (size_t)count;
  }
  client->held_bytes = 0;
  return 1;
}

static int serve(struct client *client) {
#ifdef WITH_TLS
  if (client->shaking) {
    ERR_clear_error();
    ssize_t done = tls_outcome(client->link.tls, SSL_accept(client->link.tls));
    if (done < 0) return done == LINK_LATER;
    client->shaking = 0;
  }
#endif
  if (client->held_bytes > 0 && !answer(client, client->held, client->held_bytes)) return 0;
  while (client->held_bytes == 0) {
    ssize_t count = link_read(&client->link, buffer, READ_BYTES);
    if (count < 0) return count == LINK_LATER;
    if (!answer(client, buffer, (size_t)count)) return 0;
    if (link_is_dry(&client->link, (size_t)count, READ_BYTES)) return 1;
  }
  return 1;
}

static void welcome(int socket) {
  struct client *client = calloc(1, sizeof *client);
  if (client == NULL) die("no memory");
  int yes = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  client->link.socket = socket;
#ifdef WITH_TLS
  if (context != NULL) {
    client->link.tls = SSL_new(context);
    SSL_set_fd(client->link.tls, socket);
    client->shaking = 1;
  }
#endif
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = client};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event) < 0) die("epoll_ctl failed");
}

static int listen_on_loopback(void) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 1024) < 0) die("no port");
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("listening on %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

int main(int count, char **arguments) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (count == 3) {
#ifdef WITH_TLS
    context = tls_context(TLS_server_method());
    SSL_CTX_set_num_tickets(context, 0);
    if (SSL_CTX_use_certificate_chain_file(context, arguments[1]) != 1) die("the certificate can't be used");
    if (SSL_CTX_use_PrivateKey_file(context, arguments[2], SSL_FILETYPE_PEM) != 1) die("the key can't be used");
#else
    (void)arguments;
    die("compiled without TLS");
#endif
  }
  poller = epoll_create1(0);
  int listener = listen_on_loopback();
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int ready = epoll_wait(poller, events, EVENTS, -1);
    for (int index = 0; index < ready; index++) {
      struct client *client = events[index].data.ptr;
      if (client != NULL) {
        if (!serve(client)) drop(client);
        continue;
      }
      int socket;
      while ((socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) welcome(socket);
    }
  }
}
