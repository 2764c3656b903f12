// The messages of the load generator, byte by byte. Every message is a function of the connection, its number on that
// connection and an offset, so nothing is kept of it: to send it means to render it, to check a reply means to render what is due
// and compare. The first eight bytes of a payload say which message it is, the rest is a pattern that shifts from one to
// the next: a reply in the wrong place, of another connection, or with a byte changed does not compare.

#include "link.h"

enum protocol { TALKBYTE, RESP, RAW, WEBSOCKET };

static const char *const PROTOCOLS[] = {"talkbyte", "resp", "raw", "ws"};

enum { STAMP_BYTES = 8, SHIFTS = 256, START_ROOM = 64 };

/* What stands around a payload in one direction. */
struct shape {
  uint8_t head[40];
  size_t head_bytes, id_at, tail_bytes; /* id_at 0: no id */
  const uint8_t *pattern;
  int masked;
};

struct span {
  const uint8_t *bytes;
  size_t length;
};

static const uint8_t MASK[4] = {0x5a, 0x17, 0xc3, 0x88};
static enum protocol protocol;
static size_t payload_bytes, request_bytes, reply_bytes;
static struct shape request, reply;

static void put_u32(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 24), at[1] = (uint8_t)(value >> 16), at[2] = (uint8_t)(value >> 8), at[3] = (uint8_t)value;
}

static uint32_t get_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static size_t websocket_head(uint8_t *head, int masked) {
  size_t at = 2;
  head[0] = 0x82; /* one binary message */
  if (payload_bytes < 126) head[1] = (uint8_t)payload_bytes;
  else if (payload_bytes < 65536) {
    head[1] = 126, head[2] = (uint8_t)(payload_bytes >> 8), head[3] = (uint8_t)payload_bytes, at = 4;
  } else {
    head[1] = 127, put_u32(head + 2, 0), put_u32(head + 6, (uint32_t)payload_bytes), at = 10;
  }
  if (!masked) return at;
  head[1] |= 0x80;
  memcpy(head + at, MASK, 4);
  return at + 4;
}

static void make_shape(struct shape *shape, int is_request) {
  char *text = (char *)shape->head;
  switch (protocol) {
    case TALKBYTE:
      put_u32(shape->head, (uint32_t)payload_bytes + 5);
      shape->head[4] = is_request ? 0x10 : 0x11;
      shape->id_at = 5;
      shape->head_bytes = 9;
      break;
    case RESP:
      shape->head_bytes = (size_t)sprintf(text, "%s$%zu\r\n", is_request ? "*2\r\n$4\r\nECHO\r\n" : "", payload_bytes);
      shape->tail_bytes = 2;
      break;
    case RAW: break;
    case WEBSOCKET: shape->masked = is_request, shape->head_bytes = websocket_head(shape->head, is_request); break;
  }
}

static void make_messages(void) {
  size_t size = payload_bytes + 4 * SHIFTS;
  uint8_t *pattern = malloc(size), *masked = malloc(size);
  if (pattern == NULL || masked == NULL) die("no memory");
  uint32_t state = 0x2545f491;
  for (size_t at = 0; at < size; at++) {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    pattern[at] = (uint8_t)state;
    masked[at] = pattern[at] ^ MASK[at % 4];
  }
  make_shape(&request, 1);
  make_shape(&reply, 0);
  request.pattern = request.masked ? masked : pattern;
  reply.pattern = pattern;
  request_bytes = request.head_bytes + payload_bytes + request.tail_bytes;
  reply_bytes = reply.head_bytes + payload_bytes + reply.tail_bytes;
}

/* The bytes of a message from `at` on, as far as they lie together; `start` has room for its first ones. */
static struct span span_at(const struct shape *shape, uint32_t connection, uint32_t number, size_t at, uint8_t *start) {
  size_t start_bytes = shape->head_bytes + STAMP_BYTES;
  if (at < start_bytes) {
    memcpy(start, shape->head, shape->head_bytes);
    if (shape->id_at > 0) put_u32(start + shape->id_at, number);
    uint8_t *stamp = start + shape->head_bytes;
    put_u32(stamp, connection);
    put_u32(stamp + 4, number);
    if (shape->masked)
      for (int index = 0; index < STAMP_BYTES; index++) stamp[index] ^= MASK[index % 4];
    return (struct span){start + at, start_bytes - at};
  }
  size_t body_end = shape->head_bytes + payload_bytes;
  if (at < body_end) {
    size_t shift = (number * 7 + connection) % SHIFTS * 4; /* a multiple of four, for the mask */
    return (struct span){shape->pattern + shift + (at - shape->head_bytes), body_end - at};
  }
  return (struct span){(const uint8_t *)"\r\n" + (at - body_end), body_end + shape->tail_bytes - at};
}

/* Opening a connection: its socket still blocks. */

static void send_all(struct link *link, const void *bytes, size_t length) {
  for (size_t sent = 0; sent < length;) {
    ssize_t count = link_write(link, (const uint8_t *)bytes + sent, length - sent);
    if (count == LINK_ENDED) die("the server closed the connection before the login");
    if (count > 0) sent += (size_t)count;
  }
}

static void receive_all(struct link *link, void *bytes, size_t length) {
  for (size_t have = 0; have < length;) {
    ssize_t count = link_read(link, (uint8_t *)bytes + have, length - have);
    if (count == LINK_ENDED) die("the server closed the connection before the login");
    if (count > 0) have += (size_t)count;
  }
}

static void log_in_talkbyte(struct link *link, const char *username, const char *password) {
  static const char hello[] = "\0\0\0\x14\x01TalkByte\x01\x01\x08" "bench/1 ";
  static const char mechanism[] = "\x08PASSWORD";
  uint8_t auth[2048], frame[65536];
  size_t name_bytes = strlen(username), secret_bytes = strlen(password), at = 5;
  if (name_bytes > 64 || secret_bytes > 1024) die("the login is too long");
  memcpy(auth + at, mechanism, 9), at += 9;
  auth[at++] = (uint8_t)name_bytes;
  memcpy(auth + at, username, name_bytes), at += name_bytes;
  auth[at++] = (uint8_t)(secret_bytes >> 8), auth[at++] = (uint8_t)secret_bytes;
  memcpy(auth + at, password, secret_bytes), at += secret_bytes;
  put_u32(auth, (uint32_t)at - 4);
  auth[4] = 0x03;
  send_all(link, hello, sizeof hello - 1);
  send_all(link, auth, at);
  for (;;) {
    receive_all(link, frame, 5);
    uint32_t length = get_u32(frame);
    if (length < 1 || length > sizeof frame) die("the server sent a frame out of bounds before the login");
    receive_all(link, frame + 5, length - 1);
    if (frame[4] == 0x06) return; /* AUTHENTICATED */
    if (frame[4] == 0x07 || frame[4] == 0x23) die("the server refused the login");
  }
}

static void log_in_redis(struct link *link, const char *password) {
  char line[2048], answer[5];
  if (strlen(password) > 1024) die("the login is too long");
  int length = sprintf(line, "*2\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n", strlen(password), password);
  send_all(link, line, (size_t)length);
  receive_all(link, answer, 5);
  if (memcmp(answer, "+OK\r\n", 5) != 0) die("the server refused the login");
}

static void upgrade_websocket(struct link *link) {
  static const char ask[] =
      "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  char text[4096];
  size_t have = 0;
  send_all(link, ask, sizeof ask - 1);
  while (have < 4 || memcmp(text + have - 4, "\r\n\r\n", 4) != 0) {
    if (have == sizeof text) die("the server's upgrade is too long");
    receive_all(link, text + have++, 1);
  }
  if (memcmp(text, "HTTP/1.1 101", 12) != 0) die("the server refused the upgrade");
}

static void log_in(struct link *link, const char *username, const char *password) {
  if (protocol == TALKBYTE) log_in_talkbyte(link, username, password);
  else if (protocol == RESP) log_in_redis(link, password);
  else if (protocol == WEBSOCKET) upgrade_websocket(link);
}
