// The configuration of a whole cloud: what `--config FILE` may hold, with defaults. Flags of the command line
// lie over it.
import { type ConfigOf, configType as Type } from "@micronova/kit/config";

const closed = { additionalProperties: false } as const;
const oneOf = <const T extends readonly [string, ...string[]]>(
  values: T,
  fallback: T[number],
  description: string,
) => Type.Unsafe<T[number]>(Type.Enum([...values], { default: fallback, description }));

export const cloudConfig = Type.Object(
  {
    data_dir: Type.String({ description: "Where everything that must last is kept." }),
    ephemeral: Type.Boolean({ default: false, description: "Keeps nothing after the end." }),
    listen: Type.String({ default: "127.0.0.1", description: "The address all APIs answer on." }),
    port: Type.Integer({
      default: 8774,
      minimum: 0,
      maximum: 65_535,
      description: "Their port; 0 takes a free one.",
    }),
    insecure: Type.Boolean({
      default: false,
      description: "Allows another address than loopback without TLS.",
    }),
    tls: Type.Optional(
      Type.Object(
        { key: Type.String(), cert: Type.String() },
        { ...closed, description: "Files in PEM form." },
      ),
    ),
    public_url: Type.Optional(
      Type.String({
        pattern: "^https?://[^/]+/?$",
        description:
          "Where clients and hosts reach the APIs, when it is not `listen` and `port`: a balancer, such as https://cloud.example:8774.",
      }),
    ),
    region: Type.String({ default: "RegionOne", description: "The region's name in the catalog." }),
    store: Type.Object(
      {
        url: Type.Optional(
          Type.String({
            pattern: "^postgres(ql)?://",
            description:
              "A PostgreSQL database elsewhere, like `postgres://user:password@host:5432/database`, which several " +
              "processes may share. Without it the cloud keeps a file in its data directory.",
          }),
        ),
        connections: Type.Integer({
          default: 8,
          minimum: 2,
          maximum: 1_000,
          description: "How many connections to `store.url` each process has at most.",
        }),
        durability: oneOf(
          ["power", "process"],
          "power",
          "What a committed write to the file survives; at `store.url` the server's own settings say it.",
        ),
      },
      { ...closed, default: {} },
    ),
    bus: Type.Object(
      {
        urls: Type.Array(Type.String(), {
          default: [],
          description:
            "Brokers elsewhere, like `amqp://user:password@host:5672/vhost`, or `amqps:`; when one is lost the " +
            "next is tried. Without them the broker inside the cloud is used.",
        }),
        queue_type: oneOf(
          ["classic", "quorum"],
          "classic",
          "How queues that last are declared at `bus.urls`; `quorum` replicates them over a cluster's nodes.",
        ),
        ca: Type.Optional(
          Type.String({ description: "The authority of the brokers' certificates, a file in PEM form." }),
        ),
        cert: Type.Optional(
          Type.String({ description: "A certificate to show to the brokers, a file in PEM form." }),
        ),
        key: Type.Optional(Type.String({ description: "Its key, a file in PEM form." })),
        management_url: Type.Optional(
          Type.String({
            pattern: "^https?://",
            description:
              "The management API of the brokers at `bus.urls`, with its administrator, such as http://user:password@host:15672: " +
              "hosts that join get users of their own there.",
          }),
        ),
        heartbeat_seconds: Type.Integer({
          default: 10,
          minimum: 0,
          maximum: 3600,
          description: "Twice so much silence ends a connection to a broker; 0 for any.",
        }),
        prefetch: Type.Integer({
          default: 64,
          minimum: 1,
          maximum: 65_535,
          description: "How many calls each worker and each role has in hand at most.",
        }),
        listen: Type.Optional(
          Type.String({
            description:
              "Address and port, like `127.0.0.1:5672`, where others may use the broker inside. What is durable is then " +
              "kept in the data directory, at the cost of a write to disk for every call.",
          }),
        ),
      },
      { ...closed, default: {} },
    ),
    compute: Type.Object(
      {
        allow_resize_to_same_host: Type.Boolean({
          default: false,
          description: "Whether a resized server may stay on its host; a cloud of one host needs it.",
        }),
      },
      { ...closed, default: {} },
    ),
    virt: Type.Object(
      {
        driver: oneOf(["auto", "qemu", "fake"], "auto", "Real guests, or guests that only seem to be."),
        accelerator: oneOf(
          ["auto", "kvm", "tcg"],
          "auto",
          "`auto` takes KVM where a probe shows that it works.",
        ),
        fake_hosts: Type.Integer({
          default: 1,
          minimum: 1,
          maximum: 1000,
          description: "Hosts of the fake driver.",
        }),
        fake_delay_ms: Type.Integer({
          default: 0,
          minimum: 0,
          description: "How long each of their actions takes.",
        }),
        move_address: Type.Optional(
          Type.String({
            description:
              "This host's own address, at which other hosts bring servers that move here, over NBD with TLS. With " +
              "`bus.urls` the one from which it reaches the broker is taken; a host alone needs none.",
          }),
        ),
        move_port: Type.Integer({
          default: 10_900,
          minimum: 1_024,
          maximum: 65_535,
          description: "The first of the ports for that: each server that is on its way takes one.",
        }),
      },
      { ...closed, default: {} },
    ),
    volume: Type.Object(
      {
        driver: oneOf(["auto", "lvm", "file", "fake"], "auto", "`auto`: LVM as root, files otherwise."),
        group: Type.Optional(Type.String({ description: "A volume group of the operator's." })),
        size_gb: Type.Integer({
          default: 20,
          minimum: 1,
          description: "Size of the cloud's own volume group (sparse).",
        }),
        export_address: Type.Optional(
          Type.String({
            description:
              "The address of this host at which other hosts reach its volumes, over NBD with TLS, or `auto` for the one " +
              "from which it reaches the broker of `bus.urls`. Without it they do not.",
          }),
        ),
        export_port: Type.Integer({
          default: 10_809,
          minimum: 1_024,
          maximum: 65_535,
          description: "The first of the ports for that: each volume in use on another host takes one.",
        }),
      },
      { ...closed, default: {} },
    ),
    network: Type.Object(
      {
        driver: oneOf(
          ["auto", "linux", "user", "fake"],
          "auto",
          "`auto`: bridges as root, user networking otherwise.",
        ),
        cidr: Type.Optional(
          Type.String({ description: "The private network's addresses; a free /24 is chosen." }),
        ),
        tunnel_address: Type.Optional(
          Type.String({
            pattern: "^[0-9]{1,3}(\\.[0-9]{1,3}){3}$",
            description:
              "This host's own IPv4 address, at which other hosts reach its guests' networks (UDP 4789). With " +
              "`bus.urls` the one from which it reaches the broker is taken; a host alone needs none.",
          }),
        ),
      },
      { ...closed, default: {} },
    ),
    image: Type.Object(
      {
        dir: Type.Optional(
          Type.String({
            description:
              "The images' bytes; one directory for all APIs, such as a shared mount. `images` without it.",
          }),
        ),
        ca: Type.Optional(
          Type.String({
            description:
              "The authority of the APIs' certificates, a file in PEM form, for hosts that fetch images.",
          }),
        ),
        cache_gb: Type.Integer({
          default: 20,
          minimum: 1,
          description: "How much of fetched images a host keeps that does not share that directory.",
        }),
      },
      { ...closed, default: {} },
    ),
    health: Type.Object(
      {
        listen: Type.Optional(
          Type.String({
            description:
              "Address and port, like `127.0.0.1:9100`, where a process of `serve` tells whether it lives and is ready.",
          }),
        ),
      },
      { ...closed, default: {} },
    ),
    notifications: Type.Object(
      {
        enabled: Type.Boolean({
          default: false,
          description: "Tells the bus what happens to servers and volumes, for whoever bills or watches.",
        }),
      },
      { ...closed, default: {} },
    ),
    traces: Type.Object(
      {
        enabled: Type.Boolean({
          default: true,
          description: "Keeps record of requests and of what each step of theirs did on which host.",
        }),
        otlp_url: Type.Optional(
          Type.String({
            pattern: "^https?://",
            description: "Where traces are sent as OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces.",
          }),
        ),
      },
      { ...closed, default: {} },
    ),
    log: Type.Object(
      { level: oneOf(["error", "warn", "info", "debug"], "info", "The least that is written.") },
      { ...closed, default: {} },
    ),
  },
  closed,
);
export type CloudConfig = ConfigOf<typeof cloudConfig>;

type DeepPartial<T> = {
  readonly [K in keyof T]?: T[K] extends object ? DeepPartial<T[K]> | undefined : T[K] | undefined;
};
/** What the command line lays over the configuration file. */
export type CloudOverrides = DeepPartial<CloudConfig>;
