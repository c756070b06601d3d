/* The generator alone: how fast it writes and reads over the loopback when nobody is there to be waited for. */

/* Both ends of a connection over the loopback. */
static void pair(int ends[2]) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int door = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(door, (struct sockaddr *)&at, size) || listen(door, 1)) die("no loopback: %s", strerror(errno));
  getsockname(door, (struct sockaddr *)&at, &size);
  ends[0] = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(ends[0], (struct sockaddr *)&at, size)) die("no loopback: %s", strerror(errno));
  ends[1] = accept(door, NULL, NULL);
  close(door);
}

static void *swallow(void *end) {
  static uint8_t read[1 << 20];
  while (recv(*(int *)end, read, sizeof read, 0) > 0)
    ;
  return NULL;
}

/* What a broker would deliver, from a buffer that was filled once. */
static void *pour(void *end) {
  conn k = {.fd = *(int *)end, .frame_max = FRAME_MAX};
  buffers(&k);
  uint8_t *body = calloc(1, o.size + 16);
  while (k.wlen < 200000) {
    uint8_t *p = k.wb + k.wlen, *q, *from;
    p8(&p, 1), p16(&p, 1), q = p, p32(&p, 0), from = p;
    p16(&p, 60), p16(&p, 60), ps(&p, "c0", 2), p64(&p, 1), p8(&p, 0), ps(&p, "", 0), ps(&p, "amqp-load", 9);
    p32(&q, (uint32_t)(p - from)), p8(&p, 0xCE);
    p8(&p, 2), p16(&p, 1), q = p, p32(&p, 0), from = p;
    p16(&p, 60), p16(&p, 0), p64(&p, o.size), p16(&p, 1u << 12), p8(&p, 1);
    p32(&q, (uint32_t)(p - from)), p8(&p, 0xCE);
    k.wlen = p - k.wb;
    kbody(&k, body, o.size);
  }
  while (send(k.fd, k.wb, k.wlen, MSG_NOSIGNAL) == (ssize_t)k.wlen)
    ;
  return NULL;
}

static long poured;

static void count_poured(void *whose, msg *m) { (void)whose, (void)m, poured++; }

static void reach(void) {
  int ends[2];
  pthread_t other;
  pair(ends);
  conn k = {.fd = ends[0], .frame_max = FRAME_MAX};
  buffers(&k);
  uint8_t once[1024], *body = calloc(1, o.size + 16);
  size_t length = head(once, "", "amqp-load", 9, o.size, 0, NULL, 0, NULL, 0);
  pthread_create(&other, 0, swallow, &ends[1]);
  double began = seconds();
  long published = 0;
  for (; seconds() - began < o.duration; published++) {
    memcpy(k.wb + k.wlen, once, length);
    k.wlen += length;
    kbody(&k, body, o.size);
    if (k.wlen >= 32768) kflush(&k);
  }
  say("published_s", "%.0f", published / (seconds() - began));
  close(ends[0]);
  pthread_join(other, NULL);
  pair(ends);
  k.fd = ends[0];
  handler counting = {.on_msg = count_poured};
  pthread_create(&other, 0, pour, &ends[1]);
  for (began = seconds(); seconds() - began < o.duration;) kread(&k, &counting, 100, false);
  say("consumed_s", "%.0f", poured / (seconds() - began));
}
