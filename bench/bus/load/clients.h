/* Who loads the broker: producers, consumers, and the two ends of request and reply; a thread each. */

static void declare(conn *k, const char *name, bool durable, const char *qtype) {
  amqp_table_t t = amqp_empty_table;
  amqp_table_entry_t e[1];
  if (qtype) {
    e[0].key = amqp_cstring_bytes("x-queue-type");
    e[0].value.kind = AMQP_FIELD_KIND_UTF8;
    e[0].value.value.bytes = amqp_cstring_bytes(qtype);
    t.num_entries = 1;
    t.entries = e;
  }
  amqp_queue_declare(k->c, 1, amqp_cstring_bytes(name), 0, durable, 0, 0, t);
  ok(k, "queue.declare");
  amqp_maybe_release_buffers(k->c);
}

static void qdel(conn *k, const char *name) {
  amqp_queue_delete(k->c, 1, amqp_cstring_bytes(name), 0, 0);
  ok(k, "queue.delete");
}

static const char *qname(int i) {
  static char b[256][300];
  snprintf(b[i & 255], 300,
           o.queues > 1 || !strcmp(o.mode, "fanout") || !strcmp(o.mode, "topic") ? "%s.%d" : "%s", o.queue,
           i);
  return b[i & 255];
}

typedef struct {
  int i;
  conn k;
  handler h;
  hist lat;
  uint64_t sent, acked, low;
  uint64_t *ts;
  uint64_t mask;
  uint8_t *hold;
  long limit;
  const char *ex, *rk;
} producer;

static void prod_ack(void *a, uint64_t tag, bool multiple, bool nack) {
  producer *p = a;
  uint64_t t = now_ns();
  if (nack) atomic_fetch_add(&nacked, 1);
  bool ms = atomic_load_explicit(&measuring, memory_order_relaxed);
  /* acks may come out of order: hold[] marks confirmed tags, low is the highest tag with none open below it
   */
  for (uint64_t x = multiple ? p->low + 1 : tag; x <= tag && x <= p->sent; x++)
    if (!p->hold[x & p->mask]) {
      p->hold[x & p->mask] = 1;
      p->acked++;
      if (ms) hadd(&p->lat, t - p->ts[x & p->mask]);
    }
  while (p->low < p->sent && p->hold[(p->low + 1) & p->mask]) p->low++;
}

static void prod_none(void *a, msg *m) {
  (void)a;
  (void)m;
}

static void *produce(void *a) {
  producer *p = a;
  kopen(&p->k);
  p->h = (handler){.on_ack = prod_ack, .on_msg = prod_none, .arg = p};
  if (o.window) {
    amqp_confirm_select(p->k.c, 1);
    ok(&p->k, "confirm.select");
    uint64_t c = 1;
    while (c < (uint64_t)o.window * 4 + 16) c <<= 1;
    p->mask = c - 1;
    p->ts = calloc(c, 8);
    p->hold = calloc(c, 1);
  }
  uint8_t tpl[1024];
  size_t tn = head(tpl, p->ex, p->rk, strlen(p->rk), o.size, o.mandatory ? 1 : 0, NULL, 0, NULL, 0);
  uint8_t *body = calloc(1, o.size + 16);
  memset(body, 'x', o.size);
  atomic_fetch_add(&ready_n, 1);
  while (atomic_load(&ready_n) < 1000000) usleep(200);
  uint64_t seq = 0, t0 = now_ns();
  size_t limit = 32768;
  while (!atomic_load_explicit(&stop_pub, memory_order_relaxed) && !p->h.closed) {
    if (p->limit && (long)seq >= p->limit) break;
    if (o.window && (p->sent - p->acked >= (uint64_t)o.window || p->sent - p->low > p->mask - 1)) {
      kflush(&p->k);
      kread(&p->k, &p->h, 200, false);
      continue;
    }
    if (o.inflight && !(seq & 31) &&
        sum(0) - sum(1) / (strcmp(o.mode, "throughput") ? o.fanout : 1) >= o.inflight) {
      kflush(&p->k);
      struct timespec ts = {0, 20000};
      nanosleep(&ts, NULL);
      continue;
    }
    uint64_t t = now_ns();
    if (o.rate > 0) {
      uint64_t due = t0 + (uint64_t)(seq * 1e9 / o.rate);
      if (due > t) {
        kflush(&p->k);
        if (o.window) kread(&p->k, &p->h, 0, false);
        uint64_t d = due - t;
        if (d > 50000000) d = 50000000;
        struct timespec ts = {0, (long)d};
        nanosleep(&ts, NULL);
        continue;
      }
    }
    uint64_t id = ((uint64_t)p->i << 48) | seq;
    if (o.size >= 16) {
      memcpy(body, &t, 8);
      memcpy(body + 8, &id, 8);
    } else if (o.size >= 8) memcpy(body, &t, 8);
    memcpy(p->k.wb + p->k.wlen, tpl, tn);
    p->k.wlen += tn;
    kbody(&p->k, body, o.size);
    seq++;
    p->k.wmsgs++;
    if (o.window) {
      p->sent++;
      p->ts[p->sent & p->mask] = t;
      p->hold[p->sent & p->mask] = 0;
    }
    atomic_store_explicit(&pub[p->i].v, (long)seq, memory_order_relaxed);
    if (o.flush ? p->k.wmsgs >= o.flush : p->k.wlen >= limit) {
      kflush(&p->k);
      if (o.window) kread(&p->k, &p->h, 0, false);
    }
  }
  kflush(&p->k);
  uint64_t end = now_ns() + 30000000000ull;
  while (o.window && p->acked < p->sent && now_ns() < end && !p->h.closed) kread(&p->k, &p->h, 200, false);
  if (o.window && p->acked < p->sent)
    fprintf(stderr, "amqp-load: %llu unconfirmed\n", (unsigned long long)(p->sent - p->acked));
  /* without confirms only an answered channel.close says that the broker has read everything */
  if (o.count && !o.window && !p->h.closed) {
    uint8_t *q = p->k.wb;
    p8(&q, 1);
    p16(&q, 1);
    p32(&q, 11);
    p16(&q, 20);
    p16(&q, 40);
    p16(&q, 200);
    ps(&q, "", 0);
    p32(&q, 0);
    p8(&q, 0xCE);
    p->k.wlen = q - p->k.wb;
    kflush(&p->k);
    while (!p->h.close_ok && !p->h.closed && now_ns() < end + 60000000000ull) kread(&p->k, &p->h, 200, false);
  }
  free(body);
  return NULL;
}

typedef struct {
  int i;
  conn k;
  handler h;
  hist lat;
  const char *q;
  long n;
  uint64_t last;
  int pending;
  uint64_t t;
  uint8_t *seen;
  long dup;
  bool ready;
} consumer;

static uint8_t *seen_map[256];
static atomic_long dups;
static long seen_cap;

static void cons_ready(void *a) {
  (void)a;
  atomic_fetch_add(&ready_n, 1);
}

static void cons_msg(void *a, msg *m) {
  consumer *c = a;
  c->n++;
  atomic_store_explicit(&con[c->i].v, c->n, memory_order_relaxed);
  if (m->redel) atomic_fetch_add(&redelivered, 1);
  if (o.size >= 8 && atomic_load_explicit(&measuring, memory_order_relaxed)) {
    uint64_t ts;
    memcpy(&ts, m->first, 8);
    if (c->t > ts) hadd(&c->lat, c->t - ts);
  }
  if (o.verify && m->fn >= 16) {
    uint64_t id;
    memcpy(&id, m->first + 8, 8);
    int p = (id >> 48) & 255;
    uint64_t s = id & 0xffffffffffffull;
    if ((long)s < seen_cap) {
      if (seen_map[p][s]) atomic_fetch_add(&dups, 1);
      seen_map[p][s] = 1;
    }
  }
  if (o.ack) {
    c->last = m->tag;
    if (++c->pending >= o.ack) {
      kack(&c->k, c->last, o.ack > 1);
      c->pending = 0;
      if (c->k.wlen > 32768) kflush(&c->k);
    }
  }
}

static void *consume(void *a) {
  consumer *c = a;
  kopen(&c->k);
  if (o.prefetch) {
    amqp_basic_qos(c->k.c, 1, 0, o.prefetch, 0);
    ok(&c->k, "basic.qos");
  }
  c->h = (handler){.on_msg = cons_msg, .on_consume_ok = cons_ready, .arg = c};
  char tag[32];
  snprintf(tag, sizeof tag, "c%d", c->i);
  kconsume(&c->k, c->q, tag, o.ack == 0);
  uint64_t idle = now_ns();
  while (!atomic_load_explicit(&stop_all, memory_order_relaxed) && !c->h.closed) {
    long before = c->n;
    struct pollfd f = {c->k.fd, POLLIN, 0};
    poll(&f, 1, 100);
    c->t = now_ns();
    kread(&c->k, &c->h, 0, false);
    if (c->n == before && c->pending && c->t - idle > 100000000ull) {
      kack(&c->k, c->last, true);
      c->pending = 0;
    }
    if (c->n != before) idle = c->t;
    if (c->k.wlen) kflush(&c->k);
  }
  if (c->pending) {
    kack(&c->k, c->last, true);
    kflush(&c->k);
    usleep(50000);
  }
  return NULL;
}

typedef struct {
  conn k;
  handler h;
  hist lat;
  uint64_t t;
  uint64_t n;
  uint8_t *body;
  char reply[256];
  uint8_t replyn;
  uint64_t *ts;
  bool go;
  uint8_t tpl[1024];
} rpc;

static void rpc_room(conn *k) {
  if (k->wlen > 32768) kflush(k);
}

static void srv_msg(void *a, msg *m) {
  rpc *s = a;
  char rk[257];
  memcpy(rk, m->replyb, m->replyn);
  rk[m->replyn] = 0;
  s->k.wlen += head(s->k.wb + s->k.wlen, "", rk, m->replyn, o.size, 0, (char *)m->corrb, m->corrn, NULL, 0);
  kbody(&s->k, s->body, o.size);
  rpc_room(&s->k);
}

static void *rpc_server(void *a) {
  rpc *s = a;
  kopen(&s->k);
  s->body = calloc(1, o.size + 16);
  s->h = (handler){.on_msg = srv_msg, .on_consume_ok = cons_ready, .arg = s};
  kconsume(&s->k, o.queue, "srv", true);
  while (!atomic_load(&stop_all) && !s->h.closed) {
    kread(&s->k, &s->h, 100, true);
    if (s->k.wlen) kflush(&s->k);
  }
  return NULL;
}

static void rpc_send(rpc *c, int slot) {
  char id[16];
  int n = snprintf(id, sizeof id, "%08x", slot);
  c->ts[slot] = now_ns();
  c->k.wlen += head(c->k.wb + c->k.wlen, "", o.queue, strlen(o.queue), o.size, 0, id, n, c->reply, c->replyn);
  kbody(&c->k, c->body, o.size);
  rpc_room(&c->k);
}

static void cli_msg(void *a, msg *m) {
  rpc *c = a;
  char id[9];
  if (m->corrn != 8) {
    atomic_fetch_add(&errors, 1);
    return;
  }
  memcpy(id, m->corrb, 8);
  id[8] = 0;
  int slot = (int)strtoul(id, NULL, 16);
  if (slot < 0 || slot >= o.concurrency) {
    atomic_fetch_add(&errors, 1);
    return;
  }
  c->n++;
  atomic_store_explicit(&con[0].v, (long)c->n, memory_order_relaxed);
  if (atomic_load(&measuring)) hadd(&c->lat, c->t - c->ts[slot]);
  if (!atomic_load(&stop_pub)) rpc_send(c, slot);
}

static void *rpc_client(void *a) {
  rpc *c = a;
  kopen(&c->k);
  c->body = calloc(1, o.size + 16);
  c->ts = calloc(o.concurrency, 8);
  c->h = (handler){.on_msg = cli_msg, .on_consume_ok = cons_ready, .arg = c};
  if (o.direct) {
    strcpy(c->reply, "amq.rabbitmq.reply-to");
  } else {
    amqp_queue_declare_ok_t *d =
        amqp_queue_declare(c->k.c, 1, amqp_empty_bytes, 0, 0, 1, 1, amqp_empty_table);
    ok(&c->k, "queue.declare");
    memcpy(c->reply, d->queue.bytes, d->queue.len);
    c->reply[d->queue.len] = 0;
  }
  c->replyn = strlen(c->reply);
  kconsume(&c->k, c->reply, "cli", true);
  while (atomic_load(&ready_n) < 1000000) {
    kread(&c->k, &c->h, 5, true);
  }
  for (int i = 0; i < o.concurrency; i++) rpc_send(c, i);
  kflush(&c->k);
  while (!atomic_load(&stop_all) && !c->h.closed) {
    struct pollfd f = {c->k.fd, POLLIN, 0};
    poll(&f, 1, 100);
    c->t = now_ns();
    kread(&c->k, &c->h, 0, true);
    if (c->k.wlen) kflush(&c->k);
  }
  return NULL;
}
