/* What is measured with: a clock, histograms of latency, counters shared by the threads, and what processes
 * use. */
#define HB 4096 /* histogram buckets */

typedef struct {
  uint64_t n[HB];
  uint64_t total;
} hist;

static inline int hidx(uint64_t us10) { /* units of 0.1 us, 64 steps per power of two */
  if (us10 < 64) return (int)us10;
  int e = 63 - __builtin_clzll(us10);
  int i = (e - 5) * 64 + (int)((us10 >> (e - 6)) & 63);
  return i < HB ? i : HB - 1;
}

static inline double hval(int i) {
  if (i < 64) return i / 10.0;
  int e = i / 64 + 5;
  return (double)((1ull << e) + ((uint64_t)(i & 63) << (e - 6))) / 10.0;
}

static inline void hadd(hist *h, uint64_t ns) {
  h->n[hidx(ns / 100)]++;
  h->total++;
}

static void hmerge(hist *into, const hist *from) {
  into->total += from->total;
  for (int i = 0; i < HB; i++) into->n[i] += from->n[i];
}

static double hq(hist *h, double q) {
  uint64_t want = (uint64_t)(h->total * q), c = 0;
  for (int i = 0; i < HB; i++) {
    c += h->n[i];
    if (c > want) return hval(i);
  }
  return 0;
}

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void die(const char *f, ...) {
  va_list a;
  va_start(a, f);
  fprintf(stderr, "amqp-load: ");
  vfprintf(stderr, f, a);
  fprintf(stderr, "\n");
  exit(1);
}

static atomic_bool stop_pub, stop_all, measuring;

static struct { _Alignas(64) atomic_long v; } pub[256], con[256];

static atomic_long errors, returned, nacked, redelivered, blocked;
static atomic_int ready_n;

static long sum(int which) {
  long s = 0;
  for (int i = 0; i < 256; i++)
    s += atomic_load_explicit(which ? &con[i].v : &pub[i].v, memory_order_relaxed);
  return s;
}

static double cpu_of(int pid) {
  char f[64], b[1024];
  snprintf(f, sizeof f, "/proc/%d/stat", pid);
  FILE *h = fopen(f, "r");
  if (!h) return 0;
  size_t n = fread(b, 1, sizeof b - 1, h);
  b[n] = 0;
  fclose(h);
  char *p = strrchr(b, ')');
  unsigned long u = 0, s = 0;
  if (p) sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s);
  return (double)(u + s) / sysconf(_SC_CLK_TCK);
}

static long mem_of(int pid, const char *key) {
  char f[64], l[256];
  long v = 0;
  snprintf(f, sizeof f, "/proc/%d/smaps_rollup", pid);
  FILE *h = fopen(f, "r");
  if (!h) return 0;
  while (fgets(l, sizeof l, h))
    if (!strncmp(l, key, strlen(key))) sscanf(l + strlen(key), " %ld", &v);
  fclose(h);
  return v;
}

/* busy CPU seconds of the whole machine without interrupts (what others took = this - broker - self), and
 * stolen ones */
static double machine_cpu(double *steal) {
  unsigned long u = 0, n = 0, s = 0, st = 0;
  FILE *h = fopen("/proc/stat", "r");
  if (!h) return 0;
  if (fscanf(h, "cpu %lu %lu %lu %*u %*u %*u %*u %lu", &u, &n, &s, &st) < 3) u = 0;
  fclose(h);
  double hz = sysconf(_SC_CLK_TCK);
  *steal = st / hz;
  return (u + n + s) / hz;
}

static double self_cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}
