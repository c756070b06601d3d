/*
 * A connection: made by librabbitmq, then used without it. Publishes, deliveries, acknowledgements and
 * confirms go through a lean encoder and a parser that reads frames where they lie.
 */
#define FRAME_MAX 131072

typedef struct {
  amqp_connection_state_t c;
  int fd;
  int frame_max;
  uint8_t *rb;
  size_t rcap, rlen, rpos;
  uint8_t *wb;
  size_t wcap, wlen;
  int wmsgs;
} conn;

static const char *reply_text(amqp_rpc_reply_t r, char *b, size_t n) {
  if (r.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) return amqp_error_string2(r.library_error);
  if (r.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION) {
    if (r.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
      amqp_connection_close_t *m = r.reply.decoded;
      snprintf(b, n, "%d %.*s", m->reply_code, (int)m->reply_text.len, (char *)m->reply_text.bytes);
      return b;
    }
    if (r.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
      amqp_channel_close_t *m = r.reply.decoded;
      snprintf(b, n, "%d %.*s", m->reply_code, (int)m->reply_text.len, (char *)m->reply_text.bytes);
      return b;
    }
  }
  return "?";
}

static void ok(conn *k, const char *what) {
  amqp_rpc_reply_t r = amqp_get_rpc_reply(k->c);
  char b[300];
  if (r.reply_type != AMQP_RESPONSE_NORMAL) die("%s: %s", what, reply_text(r, b, sizeof b));
}

static bool try_open(conn *k, bool quiet) {
  char *u = strdup(o.uri);
  struct amqp_connection_info ci;
  amqp_default_connection_info(&ci);
  if (amqp_parse_url(u, &ci) != AMQP_STATUS_OK) die("bad --uri");
  k->c = amqp_new_connection();
  amqp_socket_t *s = amqp_tcp_socket_new(k->c);
  struct timeval tv = {10, 0};
  int st = amqp_socket_open_noblock(s, ci.host, ci.port, &tv);
  if (st) {
    if (!quiet) die("connect %s:%d: %s", ci.host, ci.port, amqp_error_string2(st));
    amqp_destroy_connection(k->c);
    free(u);
    return false;
  }
  const char *vh = ci.vhost && *ci.vhost ? ci.vhost : "/";
  amqp_rpc_reply_t r =
      amqp_login(k->c, vh, 0, FRAME_MAX, o.heartbeat, AMQP_SASL_METHOD_PLAIN, ci.user, ci.password);
  if (r.reply_type != AMQP_RESPONSE_NORMAL) {
    char b[300];
    if (!quiet) die("login: %s", reply_text(r, b, sizeof b));
    amqp_destroy_connection(k->c);
    free(u);
    return false;
  }
  amqp_channel_open(k->c, 1);
  r = amqp_get_rpc_reply(k->c);
  if (r.reply_type != AMQP_RESPONSE_NORMAL) {
    if (!quiet) die("channel.open failed");
    amqp_destroy_connection(k->c);
    free(u);
    return false;
  }
  k->fd = amqp_get_sockfd(k->c);
  k->frame_max = amqp_get_frame_max(k->c);
  if (k->frame_max <= 0) k->frame_max = FRAME_MAX;
  free(u);
  return true;
}

static void buffers(conn *k) {
  int one = 1;
  setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  k->rcap = 2 * FRAME_MAX + 65536;
  k->rb = malloc(k->rcap);
  k->rlen = k->rpos = 0;
  k->wcap = 256 * 1024 + o.size * 2 + 8192;
  k->wb = malloc(k->wcap);
  k->wlen = 0;
  k->wmsgs = 0;
}

static void kopen(conn *k) {
  memset(k, 0, sizeof *k);
  try_open(k, false);
  buffers(k);
}

/* What goes out. */

static inline void p8(uint8_t **p, uint8_t v) { *(*p)++ = v; }

static inline void p16(uint8_t **p, uint16_t v) {
  v = __builtin_bswap16(v);
  memcpy(*p, &v, 2);
  *p += 2;
}

static inline void p32(uint8_t **p, uint32_t v) {
  v = __builtin_bswap32(v);
  memcpy(*p, &v, 4);
  *p += 4;
}

static inline void p64(uint8_t **p, uint64_t v) {
  v = __builtin_bswap64(v);
  memcpy(*p, &v, 8);
  *p += 8;
}

static inline void ps(uint8_t **p, const char *s, size_t n) {
  p8(p, (uint8_t)n);
  memcpy(*p, s, n);
  *p += n;
}

static inline uint16_t g16(const uint8_t *p) {
  uint16_t v;
  memcpy(&v, p, 2);
  return __builtin_bswap16(v);
}

static inline uint32_t g32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}

static inline uint64_t g64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return __builtin_bswap64(v);
}

static size_t head(uint8_t *b, const char *ex, const char *rk, size_t rkn, size_t size, int bits,
                   const char *corr, size_t corrn, const char *reply, size_t replyn) {
  uint8_t *p = b, *q;
  p8(&p, 1);
  p16(&p, 1);
  q = p;
  p32(&p, 0);
  uint8_t *s = p;
  p16(&p, 60);
  p16(&p, 40);
  p16(&p, 0);
  ps(&p, ex, strlen(ex));
  ps(&p, rk, rkn);
  p8(&p, bits);
  p32(&q, (uint32_t)(p - s));
  p8(&p, 0xCE);
  p8(&p, 2);
  p16(&p, 1);
  q = p;
  p32(&p, 0);
  s = p;
  p16(&p, 60);
  p16(&p, 0);
  p64(&p, size);
  uint16_t fl = (1u << 12) | (corr ? 1u << 10 : 0) | (reply ? 1u << 9 : 0);
  p16(&p, fl);
  p8(&p, o.persistent ? 2 : 1);
  if (corr) ps(&p, corr, corrn);
  if (reply) ps(&p, reply, replyn);
  p32(&q, (uint32_t)(p - s));
  p8(&p, 0xCE);
  return p - b;
}

static void kflush(conn *k) {
  size_t off = 0;
  while (off < k->wlen) {
    ssize_t n = send(k->fd, k->wb + off, k->wlen - off, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {
        struct pollfd f = {k->fd, POLLOUT, 0};
        poll(&f, 1, 1000);
        if (atomic_load(&stop_all)) return;
        continue;
      }
      fprintf(stderr, "amqp-load: send: %s\n", strerror(errno));
      atomic_fetch_add(&errors, 1);
      atomic_store(&stop_pub, true);
      atomic_store(&stop_all, true);
      return;
    }
    off += n;
  }
  k->wlen = 0;
  k->wmsgs = 0;
}

static inline void kbody(conn *k, const uint8_t *body, size_t size) {
  size_t off = 0, max = k->frame_max - 8;
  uint8_t *p = k->wb + k->wlen;
  while (off < size) {
    size_t n = size - off < max ? size - off : max;
    p8(&p, 3);
    p16(&p, 1);
    p32(&p, (uint32_t)n);
    memcpy(p, body + off, n);
    p += n;
    p8(&p, 0xCE);
    off += n;
  }
  k->wlen = p - k->wb;
}

static inline void kack(conn *k, uint64_t tag, bool multiple) {
  uint8_t *p = k->wb + k->wlen;
  p8(&p, 1);
  p16(&p, 1);
  p32(&p, 13);
  p16(&p, 60);
  p16(&p, 80);
  p64(&p, tag);
  p8(&p, multiple);
  p8(&p, 0xCE);
  k->wlen = p - k->wb;
}

static void kconsume(conn *k, const char *queue, const char *tag, bool noack) {
  uint8_t *p = k->wb + k->wlen, *q;
  p8(&p, 1);
  p16(&p, 1);
  q = p;
  p32(&p, 0);
  uint8_t *s = p;
  p16(&p, 60);
  p16(&p, 20);
  p16(&p, 0);
  ps(&p, queue, strlen(queue));
  ps(&p, tag, strlen(tag));
  p8(&p, noack ? 2 : 0);
  p32(&p, 0);
  p32(&q, (uint32_t)(p - s));
  p8(&p, 0xCE);
  k->wlen = p - k->wb;
  kflush(k);
}

/* What comes in. */

typedef struct {
  uint64_t tag;
  uint64_t size, got;
  bool in;
  const uint8_t *corr;
  uint8_t corrn;
  const uint8_t *reply;
  uint8_t replyn;
  uint8_t corrb[256], replyb[256];
  uint8_t first[16];
  uint8_t fn;
  bool redel;
} msg;

typedef struct {
  void (*on_msg)(void *, msg *);
  void (*on_ack)(void *, uint64_t, bool multiple, bool nack);
  void (*on_consume_ok)(void *);
  void *arg;
  msg m;
  bool closed, close_ok;
} handler;

static void closed(handler *h, const uint8_t *p, const char *what) {
  fprintf(stderr, "amqp-load: %s %u %.*s\n", what, g16(p), p[2], p + 3);
  atomic_fetch_add(&errors, 1);
  h->closed = true;
}

static void on_header(handler *h, const uint8_t *p, uint32_t n, bool props) {
  msg *m = &h->m;
  m->size = g64(p + 4);
  m->got = 0;
  m->fn = 0;
  m->corrn = m->replyn = 0;
  m->in = true;
  (void)n;
  if (props) {
    uint16_t f = g16(p + 12);
    const uint8_t *q = p + 14;
    if (f & (1 << 15)) q += 1 + *q;
    if (f & (1 << 14)) q += 1 + *q;
    if (f & (1 << 13)) q += 4 + g32(q);
    if (f & (1 << 12)) q++;
    if (f & (1 << 11)) q++;
    if (f & (1 << 10)) {
      m->corrn = *q;
      memcpy(m->corrb, q + 1, *q);
      q += 1 + *q;
    }
    if (f & (1 << 9)) {
      m->replyn = *q;
      memcpy(m->replyb, q + 1, *q);
      q += 1 + *q;
    }
  }
  if (m->size == 0) {
    m->in = false;
    h->on_msg(h->arg, m);
  }
}

/* reads once (blocking up to ms; 0: do not wait) and handles every complete frame; false on end */
static bool kread(conn *k, handler *h, int ms, bool props) {
  if (k->rpos) {
    memmove(k->rb, k->rb + k->rpos, k->rlen - k->rpos);
    k->rlen -= k->rpos;
    k->rpos = 0;
  }
  if (ms) {
    struct pollfd f = {k->fd, POLLIN, 0};
    if (poll(&f, 1, ms) <= 0) return true;
  }
  ssize_t n = recv(k->fd, k->rb + k->rlen, k->rcap - k->rlen, MSG_DONTWAIT);
  if (n == 0) {
    h->closed = true;
    return false;
  }
  if (n < 0) {
    if (errno == EAGAIN || errno == EINTR) return true;
    h->closed = true;
    return false;
  }
  k->rlen += n;
  while (k->rlen - k->rpos >= 8) {
    const uint8_t *f = k->rb + k->rpos;
    uint32_t len = g32(f + 3);
    if (len > FRAME_MAX) {
      fprintf(stderr, "amqp-load: frame of %u bytes\n", len);
      h->closed = true;
      return false;
    }
    if (k->rlen - k->rpos < len + 8u) break;
    if (f[7 + len] != 0xCE) {
      fprintf(stderr, "amqp-load: bad frame end\n");
      h->closed = true;
      atomic_fetch_add(&errors, 1);
      return false;
    }
    const uint8_t *p = f + 7;
    k->rpos += len + 8;
    if (f[0] == 3) {
      msg *m = &h->m;
      if (m->fn < 16) {
        uint8_t t = 16 - m->fn;
        if (t > len) t = len;
        memcpy(m->first + m->fn, p, t);
        m->fn += t;
      }
      m->got += len;
      if (m->got >= m->size) {
        m->in = false;
        h->on_msg(h->arg, m);
      }
    } else if (f[0] == 2) on_header(h, p, len, props);
    else if (f[0] == 1) {
      uint32_t id = g32(p);
      p += 4;
      switch (id) {
      case (60u << 16) | 60:
        p += 1 + p[0];
        h->m.tag = g64(p);
        h->m.redel = p[8] & 1;
        break;
      case (60u << 16) | 80:
        if (h->on_ack) h->on_ack(h->arg, g64(p), p[8] & 1, false);
        break;
      case (60u << 16) | 120:
        if (h->on_ack) h->on_ack(h->arg, g64(p), p[8] & 1, true);
        break;
      case (60u << 16) | 21:
        if (h->on_consume_ok) h->on_consume_ok(h->arg);
        break;
      case (20u << 16) | 41: h->close_ok = true; break;
      case (60u << 16) | 50: atomic_fetch_add(&returned, 1); break;
      case (60u << 16) | 30:
        fprintf(stderr, "amqp-load: consumer cancelled\n");
        atomic_fetch_add(&errors, 1);
        break;
      case (10u << 16) | 60: atomic_fetch_add(&blocked, 1); break;
      case (20u << 16) | 40: closed(h, p, "channel.close"); return false;
      case (10u << 16) | 50: closed(h, p, "connection.close"); return false;
      default: break;
      }
    }
  }
  return true;
}
