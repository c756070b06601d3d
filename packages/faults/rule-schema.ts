// What a rule may say, by place: which calls it can be told to match, and what it can do to them. The tables
// are the validation, the reference, and the types.
import { type Static, type TSchema, Type } from "@micronova/http";

const closed = { additionalProperties: false } as const;
const pattern = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 255, description }));
const sentence = Type.Optional(Type.String({ minLength: 1, maxLength: 1_000 }));
// Longer is for ever: the rule itself can be there for as long as one likes.
const msMax = 3_600_000;
const ms = Type.Integer({ minimum: 0, maximum: msMax });
const moment = Type.Optional(Type.Unsafe<"before" | "after">(Type.Enum(["before", "after"])));
const kind = <const K extends string>(name: K) => Type.Literal(name);
const killing = Type.Object({ kind: kind("kill"), moment }, closed);

const project = pattern("The id of the project on whose behalf it happens.");
const resource = pattern("The id or name of a server, volume or other thing the call is about.");
const role = pattern("The role of the process: api, conductor, scheduler, compute, network, volume.");
const host = pattern("The host of the process.");

/** Which calls a rule is about. A value may hold `*` for any characters. */
const matches = {
  http: Type.Object(
    {
      project,
      method: pattern("GET, POST …"),
      path: pattern("Such as /compute/v2.1/servers/:id/action, where :id is any one segment."),
      header: pattern("A header and its value, such as `x-test: retry`."),
      resource,
    },
    closed,
  ),
  bus: Type.Object(
    {
      role,
      host,
      queue: pattern("The routing key of what is sent, the queue of what is consumed: compute.fake-001."),
      method: pattern("The call's method, or `answer`, `beat` or `news`."),
      project,
      resource,
    },
    closed,
  ),
  store: Type.Object({ role, project }, closed),
  driver: Type.Object(
    {
      method: Type.String({
        minLength: 1,
        maxLength: 255,
        description: "spawn, attachVolume, create, plug …",
      }),
      driver: pattern("virt, volume, network or image."),
      host,
      project,
      resource,
    },
    closed,
  ),
  clock: Type.Object({ role, host }, closed),
  saga: Type.Object(
    {
      saga: pattern("server-create …"),
      step: pattern("spawn …"),
      event: pattern(
        "What is recorded of the step: started, succeeded (the default), failed, undoing, undone.",
      ),
      moment: pattern("before-commit or after-commit (the default)."),
      project,
      resource,
    },
    closed,
  ),
} as const;

const delay = Type.Object({ kind: kind("delay"), ms }, closed);

const actions = {
  http: {
    delay,
    answer: Type.Object(
      {
        kind: kind("answer"),
        status: Type.Integer({ minimum: 400, maximum: 599 }),
        message: sentence,
        retry_after: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
      },
      closed,
    ),
    drop: Type.Object({ kind: kind("drop"), moment }, closed),
    truncate: Type.Object(
      { kind: kind("truncate"), bytes: Type.Optional(Type.Integer({ minimum: 0 })) },
      closed,
    ),
    kill: killing,
  },
  bus: {
    lose: Type.Object({ kind: kind("lose") }, closed),
    repeat: Type.Object({ kind: kind("repeat"), ms: Type.Optional(ms) }, closed),
    delay,
    reorder: Type.Object({ kind: kind("reorder"), ms: Type.Optional(ms) }, closed),
    freeze: Type.Object({ kind: kind("freeze") }, closed),
    away: Type.Object({ kind: kind("away") }, closed),
  },
  store: {
    delay,
    refuse: Type.Object({ kind: kind("refuse") }, closed),
    "lose-answer": Type.Object({ kind: kind("lose-answer") }, closed),
  },
  driver: {
    delay,
    fail: Type.Object({ kind: kind("fail"), moment, message: sentence }, closed),
    hang: Type.Object({ kind: kind("hang"), moment, ms: Type.Optional(ms) }, closed),
    kill: killing,
  },
  clock: {
    jump: Type.Object(
      { kind: kind("jump"), ms: Type.Integer({ minimum: -1_000_000_000_000, maximum: 1_000_000_000_000 }) },
      closed,
    ),
  },
  saga: { kill: Type.Object({ kind: kind("kill") }, closed) },
} as const;

const when = Type.Object(
  {
    nth: Type.Optional(Type.Integer({ minimum: 1 })),
    first: Type.Optional(Type.Integer({ minimum: 1 })),
    probability: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    seed: Type.Optional(Type.Union([Type.Integer(), Type.String({ minLength: 1, maxLength: 255 })])),
  },
  closed,
);
// As long as a timer can be set for.
const seconds = Type.Number({ exclusiveMinimum: 0, maximum: 2_000_000 });

type Tables = typeof actions;
type StaticOf<T> = T extends unknown ? (T[keyof T] extends TSchema ? Static<T[keyof T]> : never) : never;

export type Place = keyof Tables;
export type ActionOf<P extends Place> = StaticOf<Tables[P]>;
export type When = Static<typeof when>;

/** A rule as it is asked for. */
export interface RuleSpec {
  readonly id?: string;
  readonly place: Place;
  readonly match: Readonly<Record<string, string>>;
  readonly when: When;
  readonly action: ActionOf<Place>;
  readonly expires: { readonly seconds?: number; readonly hits?: number };
}

// The keys are the places.
export const places = Object.keys(actions) as readonly Place[];

/** What holds as long as its rule does, instead of happening to single calls. */
const lasting: ReadonlySet<string> = new Set(["freeze", "away", "jump"]);

export function isLasting({ kind }: { readonly kind: string }): boolean {
  return lasting.has(kind);
}

export function kindsOf(place: Place): readonly string[] {
  return Object.keys(actions[place]);
}

/** The schema of a rule of this place that does this; both are known to be there. */
export function ruleSchema(place: Place, action: string): TSchema {
  const holds = lasting.has(action);
  return Type.Object(
    {
      id: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" })),
      place: Type.Literal(place),
      match: place === "driver" ? matches.driver : Type.Optional(matches[place]),
      ...(holds ? {} : { when: Type.Optional(when) }),
      // The action's name was looked up before.
      action: Reflect.get(actions[place], action) as TSchema,
      expires: Type.Optional(
        Type.Object(
          {
            seconds: Type.Optional(seconds),
            ...(holds ? {} : { hits: Type.Optional(Type.Integer({ minimum: 1 })) }),
          },
          closed,
        ),
      ),
    },
    closed,
  );
}

/** What a rule does not say and means all the same. */
export const matchDefaults: Readonly<Partial<Record<Place, Readonly<Record<string, string>>>>> = {
  saga: { event: "succeeded", moment: "after-commit" },
};
