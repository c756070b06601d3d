// `micronova fault add|list|remove|clear|log`: what goes wrong on purpose in a cloud that was started with
// `--faults`.
import { readFileSync } from "node:fs";
import type { Client } from "@micronova/client";
import { cliErrors } from "../errors.ts";
import { ruleFlags } from "../fault-flags.ts";
import { reachCloud } from "../running-cloud.ts";
import { type Format, printRows, type Row } from "../table.ts";

interface FaultOptions {
  readonly dataDir: string;
  readonly format: Format;
}

export interface FaultAddOptions extends FaultOptions {
  readonly file?: string;
  readonly id?: string;
  readonly moment?: string;
}

const textFlags: ReadonlySet<string> = new Set(["message", "seed"]);

export async function addFault(
  place: string | undefined,
  action: string | undefined,
  options: FaultAddOptions & Readonly<Partial<Record<string, string>>>,
): Promise<void> {
  const given = options.file === undefined ? null : rulesIn(options.file);
  if ((given === null) !== (place !== undefined && action !== undefined)) throw cliErrors.ruleOrFile();
  const { client } = await reachCloud(options);
  const rules = given ?? [await ruleOf(client, { place: place!, kind: action! }, options)];
  const added = await client.call("operations", "/faults", { method: "POST", body: { rules } });
  print(options.format, added.rules);
}

export async function listFaults(options: FaultOptions): Promise<void> {
  const { client } = await reachCloud(options);
  print(options.format, (await client.call("operations", "/faults")).rules);
}

export async function removeFault(id: string, options: FaultOptions): Promise<void> {
  const { client } = await reachCloud(options);
  await client.call("operations", `/faults/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export async function clearFaults(options: FaultOptions): Promise<void> {
  const { client } = await reachCloud(options);
  await client.call("operations", "/faults", { method: "DELETE" });
}

export async function showFaultLog(options: FaultOptions & { readonly limit: string }): Promise<void> {
  const { client } = await reachCloud(options);
  const { log } = await client.call("operations", `/faults/log?limit=${encodeURIComponent(options.limit)}`);
  printRows(options.format, ["n", "rule", "place", "action", "where", "request_id"], log);
}

function rulesIn(path: string): readonly unknown[] {
  try {
    const content = JSON.parse(readFileSync(path, "utf8"));
    return Array.isArray(content) ? content : (content?.rules ?? [content]);
  } catch (error) {
    throw cliErrors.unreadable(path, error instanceof Error ? error.message : String(error));
  }
}

async function ruleOf(
  client: Client,
  { place, kind }: { readonly place: string; readonly kind: string },
  options: FaultAddOptions & Readonly<Partial<Record<string, string>>>,
): Promise<object> {
  const { id, moment } = options;
  const match = partOf("match", options);
  const { project: name } = match;
  const project = name === undefined ? {} : { project: await projectId(client, String(name)) };
  // Before or after the call's work; of a saga, which commit it is.
  const at = moment === undefined ? {} : { moment };
  return {
    ...(id === undefined ? {} : { id }),
    place,
    match: { ...match, ...project, ...(place === "saga" ? at : {}) },
    action: { kind, ...partOf("action", options), ...(place === "saga" ? {} : at) },
    ...nonEmpty("when", partOf("when", options)),
    ...nonEmpty("expires", partOf("expires", options)),
  };
}

/** The flags of one part of a rule, under the names that the service has for them. */
function partOf(
  part: keyof typeof ruleFlags,
  options: Readonly<Partial<Record<string, string>>>,
): Readonly<Record<string, string | number>> {
  const given = Object.keys(ruleFlags[part]).flatMap((flag) => {
    const value = options[camelCase(flag)];
    if (value === undefined) return [];
    const isText = part === "match" || textFlags.has(flag);
    return [[flag.replaceAll("-", "_"), isText ? value : numberOf(flag, value)] as const];
  });
  return Object.fromEntries(given);
}

function nonEmpty(name: string, part: object): object {
  return Object.keys(part).length === 0 ? {} : { [name]: part };
}

function numberOf(flag: string, value: string): number {
  const number = Number(value);
  if (value.trim() === "" || Number.isNaN(number)) throw cliErrors.notANumber(`--${flag}`, value);
  return number;
}

const camelCase = (flag: string) => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** By its name if there is such a project, else as it was given. */
async function projectId(client: Client, name: string): Promise<string> {
  const { projects } = await client.call("identity", `/v3/projects?name=${encodeURIComponent(name)}`);
  return projects[0]?.id ?? name;
}

interface RuleAnswer {
  readonly id: string;
  readonly place: string;
  readonly match: object;
  readonly when: object;
  readonly action: { readonly kind: string };
  readonly expires: object;
  readonly matched: number;
  readonly hits: number;
  readonly is_over: boolean;
}

function print(format: Format, rules: readonly RuleAnswer[]): void {
  if (format === "json") process.stdout.write(`${JSON.stringify(rules, null, 2)}\n`);
  else
    printRows(
      format,
      ["id", "place", "action", "match", "when", "ends", "matched", "hits"],
      rules.map(rowOf),
    );
}

function rowOf({ id, place, match, when, action, expires, matched, hits, is_over }: RuleAnswer): Row {
  const { kind, ...more } = action;
  return {
    id,
    place,
    action: [kind, wordsOf(more) ?? []].flat().join(" "),
    match: wordsOf(match),
    when: wordsOf(when),
    ends: is_over ? "over" : wordsOf(expires),
    matched,
    hits,
  };
}

function wordsOf(part: object): string | null {
  const words = Object.entries(part).map(([name, value]) => `${name}=${value}`);
  return words.length === 0 ? null : words.join(" ");
}
