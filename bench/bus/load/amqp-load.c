/*
 * amqp-load: load generator for any AMQP 0-9-1 broker.
 *
 * Connection set-up (handshake, channel, declare, bind, qos, confirm.select) goes through
 * librabbitmq; publish, deliver, ack and confirm then go over the same socket with a lean encoder
 * and an in-place frame parser, so that the generator costs well under 1 us of CPU per message and
 * the two cores belong to the broker.
 *
 * build: cc -O2 -o OUT amqp-load.c -lrabbitmq -lpthread (Debian: librabbitmq-dev)
 *
 * modes (--mode):
 *   throughput  P producers and C consumers, each a thread with its own connection, over Q queues
 *   rpc         request and reply with correlation id; --concurrency requests outstanding
 *   fanout      P producers to one fanout exchange, N queues with one consumer connection each
 *   topic       like fanout, but a topic exchange, N queues bound in turn to "load.#" and "load.*.k"
 *   conns       open --count connections with a channel each, and hold them for --duration
 *   queues      declare --count queues (or --delete them)
 *   reach       no broker: how fast a producer writes and a consumer reads by themselves, at --size
 *   ready       wait until the broker accepts a channel, print the milliseconds it took
 *
 * options: --uri amqp://guest:guest@127.0.0.1:5672/%2f  --producers --consumers --queues --size
 *   --persistent --durable --confirm WINDOW (0: none) --prefetch N --ack K (manual acknowledgement,
 *   multiple, every K messages; 0: auto-ack) --flush N (messages per write; 0: up to 32 KiB)
 *   --inflight N (cap on published minus consumed) --rate N (msgs/s per producer)
 *   --duration S --warmup S --count N (stop after N messages instead) --queue NAME --qtype TYPE
 *   --keep (neither purge before nor delete after) --mandatory --direct (rpc over direct reply-to)
 *   --concurrency N --fanout N --pid BROKER_PID (adds CPU per message and RSS) --json
 *   --verify (with --count: check that every sequence number arrived)
 *   --heartbeat S (conns: what is agreed upon, and sent)
 */
#define _GNU_SOURCE
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct opts {
  char *uri;
  const char *mode;
  int producers, consumers, queues;
  size_t size;
  bool persistent, durable;
  int window, prefetch, ack, flush;
  long inflight;
  double rate;
  double duration, warmup;
  long count;
  const char *queue, *qtype;
  bool keep, mandatory, direct, del, json, verify;
  int concurrency, fanout, heartbeat;
  int pid;
  double idle;
} o = {.uri = "amqp://guest:guest@127.0.0.1:5672/%2f",
       .mode = "throughput",
       .producers = 1,
       .consumers = 1,
       .queues = 1,
       .size = 16,
       .duration = 5,
       .warmup = 1,
       .queue = "amqp-load",
       .concurrency = 1,
       .fanout = 10,
       .idle = 20};

#include "measure.h"
#include "wire.h"
#include "clients.h"

static void arguments(int count, char **words) {
  static struct option known[] = {{"uri", 1, 0, 'u'},
                                  {"mode", 1, 0, 'm'},
                                  {"producers", 1, 0, 'P'},
                                  {"consumers", 1, 0, 'C'},
                                  {"queues", 1, 0, 'Q'},
                                  {"size", 1, 0, 's'},
                                  {"persistent", 0, 0, 'p'},
                                  {"durable", 0, 0, 'd'},
                                  {"confirm", 1, 0, 'w'},
                                  {"prefetch", 1, 0, 'f'},
                                  {"ack", 1, 0, 'a'},
                                  {"flush", 1, 0, 'F'},
                                  {"inflight", 1, 0, 'I'},
                                  {"rate", 1, 0, 'r'},
                                  {"duration", 1, 0, 't'},
                                  {"warmup", 1, 0, 'W'},
                                  {"count", 1, 0, 'n'},
                                  {"queue", 1, 0, 'q'},
                                  {"qtype", 1, 0, 'y'},
                                  {"keep", 0, 0, 'k'},
                                  {"mandatory", 0, 0, 'M'},
                                  {"direct", 0, 0, 'D'},
                                  {"delete", 0, 0, 'x'},
                                  {"json", 0, 0, 'j'},
                                  {"verify", 0, 0, 'v'},
                                  {"concurrency", 1, 0, 'c'},
                                  {"fanout", 1, 0, 'N'},
                                  {"pid", 1, 0, 'i'},
                                  {"idle", 1, 0, 'T'},
                                  {"heartbeat", 1, 0, 'H'},
                                  {0, 0, 0, 0}};
  int option;
  while ((option = getopt_long(count, words, "", known, NULL)) != -1) switch (option) {
    case 'u': o.uri = optarg; break;
    case 'm': o.mode = optarg; break;
    case 'P': o.producers = atoi(optarg); break;
    case 'C': o.consumers = atoi(optarg); break;
    case 'Q': o.queues = atoi(optarg); break;
    case 's': o.size = atol(optarg); break;
    case 'p': o.persistent = true; break;
    case 'd': o.durable = true; break;
    case 'w': o.window = atoi(optarg); break;
    case 'f': o.prefetch = atoi(optarg); break;
    case 'a': o.ack = atoi(optarg); break;
    case 'F': o.flush = atoi(optarg); break;
    case 'I': o.inflight = atol(optarg); break;
    case 'r': o.rate = atof(optarg); break;
    case 't': o.duration = atof(optarg); break;
    case 'W': o.warmup = atof(optarg); break;
    case 'n': o.count = atol(optarg); break;
    case 'q': o.queue = optarg; break;
    case 'y': o.qtype = optarg; break;
    case 'k': o.keep = true; break;
    case 'M': o.mandatory = true; break;
    case 'D': o.direct = true; break;
    case 'x': o.del = true; break;
    case 'j': o.json = true; break;
    case 'v': o.verify = true; break;
    case 'c': o.concurrency = atoi(optarg); break;
    case 'N': o.fanout = atoi(optarg); break;
    case 'i': o.pid = atoi(optarg); break;
    case 'T': o.idle = atof(optarg); break;
    case 'H': o.heartbeat = atoi(optarg); break;
    default: die("unknown option");
    }
  if (o.producers > 200 || o.consumers > 200 || o.queues > 200 || o.fanout > 200) die("at most 200 threads");
}

/* One result: `name=value`, or a field of JSON. */
static void say(const char *name, const char *format, ...) {
  static bool is_first = true;
  if (!is_first) printf(o.json ? "," : " ");
  is_first = false;
  printf(o.json ? "\"%s\":" : "%s=", name);
  va_list values;
  va_start(values, format);
  vprintf(format, values);
  va_end(values);
}

static double seconds(void) { return now_ns() / 1e9; }

static bool is_mode(const char *name) { return !strcmp(o.mode, name); }

#include "reach.h"

/* ---------- modes without load ---------- */

static void until_ready(void) {
  double began = seconds();
  conn k = {0};
  while (!try_open(&k, true)) {
    if (seconds() - began > o.duration) die("not ready in %.0f s", o.duration);
    usleep(2000);
    memset(&k, 0, sizeof k);
  }
  say("ready_ms", "%.0f", (seconds() - began) * 1000);
}

/* Keeps its side of what was agreed about heartbeats, and reads those that come. */
static void beat(conn *all, long n) {
  static const uint8_t heartbeat[8] = {8, 0, 0, 0, 0, 0, 0, 0xCE};
  static double last = 0;
  uint8_t read[4096];
  if (!o.heartbeat || seconds() - last < o.heartbeat / 2.0) return;
  last = seconds();
  for (long i = 0; i < n; i++) {
    while (recv(all[i].fd, read, sizeof read, MSG_DONTWAIT) > 0)
      ;
    if (send(all[i].fd, heartbeat, sizeof heartbeat, MSG_NOSIGNAL) < 0) atomic_fetch_add(&errors, 1);
  }
}

static void connections(void) {
  long n = o.count ? o.count : 1000, before = mem_of(o.pid, "Pss:");
  conn *all = calloc(n, sizeof *all);
  double began = seconds();
  for (long i = 0; i < n; i++) {
    try_open(&all[i], false);
    beat(all, i);
  }
  double opened = seconds(), cpu = cpu_of(o.pid);
  for (; seconds() - opened < o.duration; usleep(20000)) beat(all, n);
  say("connections", "%ld", n);
  say("per_s", "%.0f", n / (opened - began));
  say("kB_per_connection", "%.2f", (double)(mem_of(o.pid, "Pss:") - before) / n);
  say("broker_cpu_ms_per_s", "%.2f", (cpu_of(o.pid) - cpu) * 1000 / o.duration);
}

static void empty_queues(void) {
  long n = o.count ? o.count : 10000, before = mem_of(o.pid, "Pss:");
  conn k;
  kopen(&k);
  double began = seconds();
  for (long i = 0; i < n; i++) {
    char name[300];
    snprintf(name, sizeof name, "%s.%ld", o.queue, i);
    if (o.del) qdel(&k, name);
    else declare(&k, name, o.durable, o.qtype);
  }
  double took = seconds() - began;
  /* What the broker still does about them is part of it. */
  sleep(3);
  say("queues", "%ld", n);
  say("per_s", "%.0f", n / took);
  say("kB_per_queue", "%.2f", (double)(mem_of(o.pid, "Pss:") - before) / n);
}

/* ---------- load ---------- */

static struct {
  bool is_rpc, is_copied;
  int queues, consumers, producers, copies;
  char exchange[300];
  producer *producer;
  consumer *consumer;
  rpc server, client;
  pthread_t threads[520];
  int count;
  double began;
} run;

/* What the counters said at a moment. */
typedef struct {
  long published, consumed;
  double at, broker_cpu, own_cpu, machine_cpu, steal;
} look;

static look now(void) {
  look l = {.published = sum(0), .consumed = sum(1), .at = seconds(), .own_cpu = self_cpu()};
  l.broker_cpu = o.pid ? cpu_of(o.pid) : 0;
  l.machine_cpu = machine_cpu(&l.steal);
  return l;
}

static void topology(void) {
  run.is_rpc = is_mode("rpc");
  run.is_copied = is_mode("fanout") || is_mode("topic");
  if (!run.is_rpc && !run.is_copied && !is_mode("throughput")) die("unknown mode");
  run.copies = run.is_copied ? o.fanout : 1;
  run.queues = run.is_copied ? o.fanout : run.is_rpc ? 1 : o.queues;
  run.consumers = run.is_rpc ? 0 : run.is_copied ? o.fanout : o.consumers;
  run.producers = run.is_rpc ? 0 : o.producers;
  conn k;
  kopen(&k);
  if (run.is_copied) {
    snprintf(run.exchange, sizeof run.exchange, "%s-%s", o.queue, o.mode);
    amqp_exchange_declare(k.c, 1, amqp_cstring_bytes(run.exchange), amqp_cstring_bytes(o.mode), 0, o.durable,
                          0, 0, amqp_empty_table);
    ok(&k, "exchange.declare");
  }
  for (int i = 0; i < run.queues; i++) {
    if (!o.keep) qdel(&k, qname(i));
    declare(&k, qname(i), o.durable, o.qtype);
    if (!run.is_copied) continue;
    const char *key = is_mode("fanout") ? "" : i & 1 ? "load.*.k" : "load.#";
    amqp_queue_bind(k.c, 1, amqp_cstring_bytes(qname(i)), amqp_cstring_bytes(run.exchange),
                    amqp_cstring_bytes(key), amqp_empty_table);
    ok(&k, "queue.bind");
  }
}

static void remove_topology(void) {
  if (o.keep) return;
  conn k;
  kopen(&k);
  for (int i = 0; i < run.queues; i++) qdel(&k, qname(i));
  if (run.is_copied) amqp_exchange_delete(k.c, 1, amqp_cstring_bytes(run.exchange), 0);
}

static void begin(void *(*work)(void *), void *whose) {
  pthread_create(&run.threads[run.count++], 0, work, whose);
}

/* Starts everybody; they go when all are there. */
static void start(void) {
  run.producer = calloc(run.producers + 1, sizeof *run.producer);
  run.consumer = calloc(run.consumers + 1, sizeof *run.consumer);
  if (o.verify) {
    seen_cap = (o.count ? o.count : 10000000) + 1;
    for (int i = 0; i < (run.producers ? run.producers : 1); i++) seen_map[i] = calloc(seen_cap, 1);
  }
  run.began = seconds();
  for (int i = 0; i < run.consumers; i++) {
    run.consumer[i].i = i;
    run.consumer[i].q = qname(i % run.queues);
    begin(consume, &run.consumer[i]);
  }
  if (run.is_rpc) {
    begin(rpc_server, &run.server);
    begin(rpc_client, &run.client);
  }
  for (int i = 0; i < run.producers; i++) {
    producer *p = &run.producer[i];
    p->i = i;
    p->ex = run.exchange;
    p->rk = is_mode("fanout") ? "" : is_mode("topic") ? "load.x.k" : qname(i % run.queues);
    p->limit = o.count ? o.count / run.producers : 0;
    begin(produce, p);
  }
  double since = seconds();
  while (atomic_load(&ready_n) < run.count) {
    usleep(500);
    if (seconds() - since > 20) die("set-up did not finish");
  }
  if (run.producers) run.began = seconds();
  atomic_store(&ready_n, 1000000);
}

/* Waits until --count messages have come and gone; says when the last was published. */
static double until_counted(void) {
  double published = 0, quiet = seconds();
  long wanted = run.producers ? o.count / run.producers * run.producers : 0, last = 0;
  for (;;) {
    usleep(1000);
    long consumed = sum(1);
    double t = seconds();
    if (consumed != last) quiet = t;
    last = consumed;
    if (run.producers && !published && sum(0) >= wanted) published = t;
    if (run.consumers ? consumed >= o.count * run.copies : published > 0) break;
    bool is_over = !run.producers || published;
    if (atomic_load(&errors) || (run.consumers && is_over && t - quiet > o.idle)) break;
  }
  if (run.consumers && !o.window) return published;
  /* The last confirms are part of it. */
  atomic_store(&stop_pub, true);
  for (int i = 0; i < run.producers; i++) pthread_join(run.threads[run.consumers + i], NULL);
  for (int i = 0; i < run.producers; i++) run.threads[run.consumers + i] = 0;
  return seconds();
}

/* Whether all that was published came, after producers were told to stop. */
static bool drained(void) {
  double since = seconds();
  if (!run.consumers || !run.producers) return true;
  while (sum(1) < sum(0) * run.copies) {
    if (seconds() - since > o.idle || atomic_load(&errors)) return false;
    usleep(2000);
  }
  usleep(20000);
  return sum(1) == sum(0) * run.copies;
}

static hist *latencies(void) {
  if (run.is_rpc) return &run.client.lat;
  hist *all = calloc(1, sizeof *all);
  for (int i = 0; i < run.consumers; i++) hmerge(all, &run.consumer[i].lat);
  return all;
}

static hist *confirm_latencies(void) {
  hist *all = calloc(1, sizeof *all);
  for (int i = 0; i < run.producers; i++) hmerge(all, &run.producer[i].lat);
  return all;
}

static void report(look from, look to, bool is_complete) {
  double took = to.at - from.at;
  long published = to.published - from.published, consumed = to.consumed - from.consumed;
  long work = consumed / run.copies > published ? consumed / run.copies : published;
  if (!work) work = 1;
  hist *delivery = latencies(), *confirm = confirm_latencies();
  say("seconds", "%.3f", took);
  say("published_s", "%.0f", published / took);
  say("consumed_s", "%.0f", consumed / took);
  say("p50_us", "%.1f", hq(delivery, .5));
  say("p99_us", "%.1f", hq(delivery, .99));
  say("confirm_p50_us", "%.1f", hq(confirm, .5));
  say("confirm_p99_us", "%.1f", hq(confirm, .99));
  if (o.verify) {
    long unique = 0;
    for (int i = 0; i < (run.producers ? run.producers : 1); i++)
      for (long j = 0; j < seen_cap; j++) unique += seen_map[i][j];
    say("unique", "%ld", unique);
    say("missing", "%ld", (o.count ? o.count : sum(0)) - unique);
    say("duplicates", "%ld", atomic_load(&dups));
    say("redelivered", "%ld", atomic_load(&redelivered));
  }
  double broker = to.broker_cpu - from.broker_cpu, own = to.own_cpu - from.own_cpu;
  if (o.pid) {
    say("broker_cpu_us_per_msg", "%.3f", broker * 1e6 / work);
    say("broker_cores", "%.2f", broker / took);
    say("pss_kB", "%ld", mem_of(o.pid, "Pss:"));
  }
  say("other_cores", "%.2f", (to.machine_cpu - from.machine_cpu - broker - own) / took);
  say("steal", "%.2f", (to.steal - from.steal) / took);
  say("load_cpu_us_per_msg", "%.3f", own * 1e6 / work);
  say("complete", "%d", is_complete);
  say("returned", "%ld", atomic_load(&returned));
  say("nacked", "%ld", atomic_load(&nacked));
}

static void load(void) {
  topology();
  start();
  look from = now();
  if (o.count) from.at = run.began;
  else usleep((useconds_t)(o.warmup * 1e6));
  if (!o.count) from = now();
  atomic_store(&measuring, true);
  double published = 0;
  if (o.count) published = until_counted();
  else usleep((useconds_t)(o.duration * 1e6));
  look to = now();
  atomic_store(&measuring, false);
  atomic_store(&stop_pub, true);
  bool is_complete = drained();
  atomic_store(&stop_all, true);
  for (int i = 0; i < run.count; i++)
    if (run.threads[i]) pthread_join(run.threads[i], NULL);
  if (published) say("publish_seconds", "%.3f", published - run.began);
  report(from, to, is_complete);
  remove_topology();
}

int main(int count, char **words) {
  arguments(count, words);
  signal(SIGPIPE, SIG_IGN);
  if (o.json) printf("{");
  if (is_mode("ready")) until_ready();
  else if (is_mode("conns")) connections();
  else if (is_mode("queues")) empty_queues();
  else if (is_mode("reach")) reach();
  else load();
  say("errors", "%ld", atomic_load(&errors));
  printf(o.json ? "}\n" : "\n");
  return atomic_load(&errors) ? 1 : 0;
}
