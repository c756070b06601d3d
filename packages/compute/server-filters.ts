// How a list of servers is narrowed. Nova lets users give regular expressions; here they are read as the
// harmless subset that `LIKE` can do (literals, `.`, `.*`, `^`, `$`, `\` and `|`), and anything beyond that
// as plain text: no pattern of a user's may keep the process busy.
import type { Tx } from "@micronova/store";
import { conditionsOf } from "./states.ts";

/** What a list is narrowed by; every field that is present must hold. */
export interface ServerFilters {
  readonly project_id?: string;
  readonly user_id?: string;
  readonly id?: readonly string[];
  readonly host?: string;
  readonly image?: string;
  readonly flavor?: string;
  /** One of these words of the API. */
  readonly status?: readonly string[];
  readonly vm_state?: string;
  readonly task_state?: string;
  readonly power_state?: number;
  readonly locked?: boolean;
  readonly config_drive?: boolean;
  /** All servers, also deleted ones; absent shows the living. */
  readonly deleted?: boolean | "any";
  readonly "changes-since"?: number;
  readonly "changes-before"?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly tags?: readonly string[];
  readonly "tags-any"?: readonly string[];
  readonly "not-tags"?: readonly string[];
  readonly "not-tags-any"?: readonly string[];
  /** Columns that are matched by pattern. */
  readonly patterns?: Readonly<Partial<Record<PatternColumn, string>>>;
}

const patternColumns = [
  "name",
  "hostname",
  "key_name",
  "availability_zone",
  "reservation_id",
  "description",
  "kernel_id",
  "ramdisk_id",
  "node",
  "access_ip_v4",
  "access_ip_v6",
  "root_device_name",
  "locked_by",
] as const;
export type PatternColumn = (typeof patternColumns)[number];

const selectServers = (tx: Tx) => tx.selectFrom("servers");
type Query = ReturnType<typeof selectServers>;

export function filtered(tx: Tx, filters: ServerFilters): Query {
  let query = selectServers(tx);
  if (filters.deleted !== "any") query = query.where("deleted_at", filters.deleted ? "is not" : "is", null);
  query = byColumns(query, filters);
  query = byState(query, filters);
  query = byTags(query, filters);
  if (filters["changes-since"] !== undefined)
    query = query.where("updated_at", ">=", filters["changes-since"]);
  if (filters["changes-before"] !== undefined)
    query = query.where("updated_at", "<=", filters["changes-before"]);
  for (const [key, value] of Object.entries(filters.metadata ?? {}))
    query = query.where("metadata", "like", contains(jsonPair(key, value)));
  for (const column of patternColumns) {
    const pattern = filters.patterns?.[column];
    if (pattern === undefined) continue;
    query = query.where((is) => is.or(likePatterns(pattern).map((like) => is(column, "like", like))));
  }
  return query;
}

function byColumns(query: Query, filters: ServerFilters): Query {
  let narrowed = query;
  if (filters.project_id !== undefined) narrowed = narrowed.where("project_id", "=", filters.project_id);
  if (filters.user_id !== undefined) narrowed = narrowed.where("user_id", "=", filters.user_id);
  if (filters.id !== undefined) narrowed = narrowed.where("id", "in", filters.id);
  if (filters.host !== undefined) narrowed = narrowed.where("host", "=", filters.host);
  if (filters.image !== undefined) narrowed = narrowed.where("image_id", "=", filters.image);
  if (filters.flavor !== undefined) narrowed = narrowed.where("flavor_id", "=", filters.flavor);
  if (filters.locked !== undefined)
    narrowed = narrowed.where("locked_by", filters.locked ? "is not" : "is", null);
  if (filters.config_drive !== undefined)
    narrowed = narrowed.where("config_drive", "=", filters.config_drive ? 1 : 0);
  return narrowed;
}

function byState(query: Query, filters: ServerFilters): Query {
  const { vm_state, task_state } = filters;
  let narrowed = query;
  if (vm_state !== undefined) narrowed = narrowed.where("vm_state", "=", vm_state);
  if (task_state !== undefined) narrowed = narrowed.where("task_state", "=", task_state);
  if (filters.power_state !== undefined) narrowed = narrowed.where("power_state", "=", filters.power_state);
  if (filters.status === undefined) return narrowed;
  const conditions = filters.status.flatMap(conditionsOf);
  return narrowed.where((is) =>
    is.or(
      conditions.map(({ vmState, tasks, notTasks }) => {
        const state = is("vm_state", "=", vmState);
        if (tasks !== null) return is.and([state, is("task_state", "in", tasks)]);
        if (notTasks.length === 0) return state;
        return is.and([state, is.or([is("task_state", "is", null), is("task_state", "not in", notTasks)])]);
      }),
    ),
  );
}

/** Tags are a JSON array; a tag holds no comma, so its quoted form is found in its own place only. */
function byTags(query: Query, filters: ServerFilters): Query {
  const tagLike = (tag: string) => contains(JSON.stringify(tag));
  let narrowed = query;
  for (const tag of filters.tags ?? []) narrowed = narrowed.where("tags", "like", tagLike(tag));
  const any = filters["tags-any"];
  if (any !== undefined)
    narrowed = narrowed.where((is) => is.or(any.map((tag) => is("tags", "like", tagLike(tag)))));
  const not = filters["not-tags"];
  if (not !== undefined)
    narrowed = narrowed.where((is) => is.not(is.and(not.map((tag) => is("tags", "like", tagLike(tag))))));
  for (const tag of filters["not-tags-any"] ?? [])
    narrowed = narrowed.where((is) => is.not(is("tags", "like", tagLike(tag))));
  return narrowed;
}

const jsonPair = (key: string, value: string) => `${JSON.stringify(key)}:${JSON.stringify(value)}`;
const contains = (text: string) => `%${text}%`;

/** The patterns of `LIKE` that together match what the expression would; unanchored, as Nova's are. */
export function likePatterns(expression: string): string[] {
  const isSimple = /^(?:[^\\.[\](){}*+?^$|]|\\.|\.\*|\.|\||\^|\$)*$/.test(expression);
  if (!isSimple) return [contains(expression)];
  return expression.split("|").map((alternative) => {
    const start = alternative.startsWith("^") ? "" : "%";
    const end = alternative.endsWith("$") && !alternative.endsWith("\\$") ? "" : "%";
    const body = alternative.slice(start === "" ? 1 : 0, end === "" ? -1 : undefined);
    return `${start}${body.replaceAll(/\.\*|\\.|\./g, likeOf)}${end}`;
  });
}

function likeOf(token: string): string {
  if (token === ".*") return "%";
  return token === "." ? "_" : token.slice(1);
}

/**
 * Whether one of `LIKE`'s patterns fits the text. Linear in the text: a `%` that failed is never tried from
 * scratch.
 */
export function fits(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => fitsOne(pattern, text));
}

function fitsOne(pattern: string, text: string): boolean {
  let [at, seen, star, resume] = [0, 0, -1, 0];
  while (seen < text.length) {
    if (pattern[at] === "%") [star, resume, at] = [at, seen, at + 1];
    else if (pattern[at] === "_" || pattern[at] === text[seen]) [at, seen] = [at + 1, seen + 1];
    else if (star === -1) return false;
    else [at, resume, seen] = [star + 1, resume + 1, resume + 1];
  }
  while (pattern[at] === "%") at++;
  return at === pattern.length;
}
