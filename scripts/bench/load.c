// The load generator: opens connections, keeps so many messages of each under way, and checks every byte of every reply.
// One thread, epoll; one turn at a time, so that several generators, each with its server, can take turns.
//
//   load PROTOCOL PORT PAYLOAD DEPTH CONNECTIONS SERVER-PID CERTIFICATE|- USERNAME
//
// The password is the first line of the input. It says "ready" when all connections have logged in; each line "WARM-MS
// MEASURE-MS" is answered with a line of JSON. A reply that is not the one due ends it with exit code 1.

#include "wire.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

enum { BUFFER_BYTES = 262144, EVENTS = 256, SILENCE_MS = 20000, BUCKETS = 64 * 32 };

struct connection {
  struct link link;
  uint32_t index;
  uint32_t queued, written, answered; /* messages */
  size_t written_bytes, answered_bytes; /* of the message being written, of the reply being read */
  size_t skip;                          /* bytes of an extension frame that are still to come */
  uint8_t head[5];
  uint64_t *asked_at;
};

static struct connection *connections;
static uint32_t connection_count, depth;
static int poller;
static uint8_t input[BUFFER_BYTES], output[BUFFER_BYTES];

static uint64_t now_ns;
static int measuring, asking;
static uint64_t replies, turn_replies, histogram[BUCKETS];

static uint64_t clock_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* CPU time of the server, all its threads; 0 where the system does not tell. */
static uint64_t server_cpu_ns(const char *pid) {
  char path[300];
  uint64_t sum = 0, ns;
  snprintf(path, sizeof path, "/proc/%s/task", pid);
  DIR *threads = opendir(path);
  if (threads == NULL) return 0;
  for (struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads)) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%s/task/%.20s/schedstat", pid, entry->d_name);
    FILE *file = fopen(path, "r");
    if (file == NULL) continue;
    if (fscanf(file, "%" SCNu64, &ns) == 1) sum += ns;
    fclose(file);
  }
  closedir(threads);
  return sum;
}

/* 32 buckets for each power of two: within three per cent. */
static void count_latency(uint64_t ns) {
  uint64_t index = ns;
  if (ns >= 32) {
    int exponent = 63 - __builtin_clzll(ns);
    index = (uint64_t)(exponent - 4) * 32 + (ns >> (exponent - 5) & 31);
  }
  histogram[index]++;
}

static void fail_reply(const struct connection *connection) {
  fprintf(stderr, "wrong reply: connection %u, message %u, near byte %zu of the reply\n", connection->index,
          connection->answered, connection->answered_bytes);
  exit(1);
}

static void transmit(struct connection *connection) {
  uint8_t start[START_ROOM];
  while (connection->written != connection->queued) {
    uint32_t number = connection->written;
    size_t at = connection->written_bytes, filled = 0;
    while (filled < BUFFER_BYTES && number != connection->queued) {
      struct span span = span_at(&request, connection->index, number, at, start);
      size_t length = span.length < BUFFER_BYTES - filled ? span.length : BUFFER_BYTES - filled;
      memcpy(output + filled, span.bytes, length);
      filled += length;
      at += length;
      if (at == request_bytes) at = 0, number++;
    }
    ssize_t sent = link_write(&connection->link, output, filled);
    if (sent == LINK_LATER) return;
    if (sent == LINK_ENDED) die("the server closed a connection");
    size_t total = connection->written_bytes + (size_t)sent;
    connection->written += (uint32_t)(total / request_bytes);
    connection->written_bytes = total % request_bytes;
  }
}

static void take_reply(struct connection *connection) {
  uint64_t *asked_at = &connection->asked_at[connection->answered % depth];
  connection->answered++;
  connection->answered_bytes = 0;
  turn_replies++;
  if (measuring) {
    replies++;
    count_latency(now_ns - *asked_at);
  }
  if (!asking) return;
  *asked_at = now_ns; /* of the message that takes this place */
  connection->queued++;
}

/* At a frame's head: takes an extension frame's (those may come anywhere), byte by byte if it is cut; else nothing. */
static size_t skip_extension(struct connection *connection, const uint8_t *bytes, size_t length) {
  if (connection->answered_bytes == 0 && length >= 5) {
    if (bytes[4] < 0x80) return 0;
    connection->skip = get_u32(bytes) - 1;
    return 5;
  }
  connection->head[connection->answered_bytes++] = bytes[0];
  if (connection->answered_bytes < 5) return 1;
  if (connection->head[4] >= 0x80) {
    connection->skip = get_u32(connection->head) - 1;
    connection->answered_bytes = 0;
  } else if (memcmp(connection->head, reply.head, 5) != 0) fail_reply(connection);
  return 1;
}

static void check(struct connection *connection, const uint8_t *bytes, size_t length) {
  uint8_t start[START_ROOM];
  while (length > 0) {
    size_t count = connection->skip < length ? connection->skip : length;
    connection->skip -= count;
    if (count == 0 && protocol == TALKBYTE && connection->answered_bytes < 5)
      count = skip_extension(connection, bytes, length);
    if (count == 0) {
      if (connection->answered == connection->queued) fail_reply(connection); /* nobody asked */
      struct span due =
          span_at(&reply, connection->index, connection->answered, connection->answered_bytes, start);
      count = due.length < length ? due.length : length;
      if (memcmp(due.bytes, bytes, count) != 0) fail_reply(connection);
      connection->answered_bytes += count;
      if (connection->answered_bytes == reply_bytes) take_reply(connection);
    }
    bytes += count;
    length -= count;
  }
}

static void receive(struct connection *connection) {
  for (;;) {
    ssize_t count = link_read(&connection->link, input, BUFFER_BYTES);
    if (count == LINK_LATER) return;
    if (count == LINK_ENDED) die("the server closed a connection");
    check(connection, input, (size_t)count);
    if (link_is_dry(&connection->link, (size_t)count, BUFFER_BYTES)) return;
  }
}

static int all_answered(void) {
  for (uint32_t index = 0; index < connection_count; index++)
    if (connections[index].answered != connections[index].queued) return 0;
  return 1;
}

static void serve_events(int timeout_ms) {
  struct epoll_event events[EVENTS];
  int ready = epoll_wait(poller, events, EVENTS, timeout_ms);
  now_ns = clock_ns(CLOCK_MONOTONIC);
  if (ready == 0 && timeout_ms == SILENCE_MS) die("the server fell silent");
  for (int index = 0; index < ready; index++) {
    receive(events[index].data.ptr);
    transmit(events[index].data.ptr);
  }
}

static void ask_first(void) {
  for (uint32_t index = 0; index < connection_count; index++) {
    struct connection *connection = &connections[index];
    connection->queued += depth;
    for (uint32_t place = 0; place < depth; place++) connection->asked_at[place] = clock_ns(CLOCK_MONOTONIC);
    transmit(connection);
  }
}

static void print_counts(void) {
  const char *comma = "";
  for (int index = 0; index < BUCKETS; index++) {
    if (histogram[index] == 0) continue;
    printf("%s[%d,%" PRIu64 "]", comma, index, histogram[index]);
    comma = ",";
  }
}

/* Replies and latencies are those of the window; CPU time is that of the whole turn, before and after which the server is
   idle, so that none of it belongs to what was not counted. */
static void play_turn(const char *server, uint64_t warm_ns, uint64_t measure_ns) {
  uint64_t turn_ns = clock_ns(CLOCK_MONOTONIC), cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  uint64_t their_cpu_ns = server_cpu_ns(server);
  asking = 1, measuring = 0, replies = turn_replies = 0;
  memset(histogram, 0, sizeof histogram);
  ask_first();
  do serve_events(SILENCE_MS);
  while (now_ns < turn_ns + warm_ns);
  uint64_t began_ns = now_ns;
  measuring = 1;
  while (now_ns < began_ns + measure_ns) serve_events(SILENCE_MS);
  measuring = asking = 0;
  uint64_t window_ns = now_ns - began_ns;
  while (!all_answered()) serve_events(SILENCE_MS);
  printf("{\"replies\":%" PRIu64 ",\"ns\":%" PRIu64 ",\"turnReplies\":%" PRIu64 ",\"turnNs\":%" PRIu64, replies, window_ns,
         turn_replies, clock_ns(CLOCK_MONOTONIC) - turn_ns);
  printf(",\"cpuNs\":%" PRIu64 ",\"serverCpuNs\":%" PRIu64 ",\"histogram\":[", clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns,
         server_cpu_ns(server) - their_cpu_ns);
  print_counts();
  printf("]}\n");
  fflush(stdout);
}

static void open_connection(struct connection *connection, int port, const char *certificate) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int yes = 1;
  connection->link.socket = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(connection->link.socket, (struct sockaddr *)&address, sizeof address) < 0) die("no connection");
  setsockopt(connection->link.socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
#ifdef WITH_TLS
  static SSL_CTX *context;
  if (strcmp(certificate, "-") == 0) return;
  if (context == NULL) {
    context = tls_context(TLS_client_method());
    if (SSL_CTX_load_verify_locations(context, certificate, NULL) != 1) die("the certificate can't be used");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (protocol == TALKBYTE) SSL_CTX_set_alpn_protos(context, (const uint8_t *)"\x0atalkbyte/1", 11);
  }
  connection->link.tls = SSL_new(context);
  SSL_set_fd(connection->link.tls, connection->link.socket);
  if (SSL_connect(connection->link.tls) != 1) die("the TLS handshake failed");
#else
  if (strcmp(certificate, "-") != 0) die("compiled without TLS");
#endif
}

static void open_all(int port, const char *certificate, const char *username, const char *password) {
  for (uint32_t index = 0; index < connection_count; index++) {
    struct connection *connection = &connections[index];
    connection->index = index;
    connection->asked_at = calloc(depth, sizeof *connection->asked_at);
    if (connection->asked_at == NULL) die("no memory");
    open_connection(connection, port, certificate);
    log_in(&connection->link, username, password);
    fcntl(connection->link.socket, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_ADD, connection->link.socket, &event);
  }
}

int main(int count, char **arguments) {
  char line[2048];
  if (count != 9) die("load PROTOCOL PORT PAYLOAD DEPTH CONNECTIONS SERVER-PID CERTIFICATE|- USERNAME");
  while (strcmp(PROTOCOLS[protocol], arguments[1]) != 0)
    if (++protocol > WEBSOCKET) die("no such protocol");
  payload_bytes = (size_t)atol(arguments[3]);
  depth = (uint32_t)atol(arguments[4]);
  connection_count = (uint32_t)atol(arguments[5]);
  if (payload_bytes < STAMP_BYTES || depth == 0 || connection_count == 0) die("too little to do");
  make_messages();
  connections = calloc(connection_count, sizeof *connections);
  if (connections == NULL || fgets(line, sizeof line, stdin) == NULL) die("no password");
  line[strcspn(line, "\n")] = 0;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  poller = epoll_create1(0);
  open_all(atoi(arguments[2]), arguments[7], arguments[8], line);
  puts("ready");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    unsigned long warm_ms, measure_ms;
    if (sscanf(line, "%lu %lu", &warm_ms, &measure_ms) != 2) die("a line has two numbers");
    play_turn(arguments[6], warm_ms * 1000000, measure_ms * 1000000);
  }
  return 0;
}
