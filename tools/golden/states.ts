// The pages of the state tables: what may be done where, and where it leads; for servers also what the API
// calls it.
import type { CloudReference } from "@micronova/cloud";
import type { ActionRule, StateTable } from "@micronova/kit";
import { code, codes, page, table } from "./markdown.ts";

type States = StateTable<string, string>;

export function statePages({ states, serverStatus }: CloudReference): [string, string][] {
  return Object.entries(states).map(([noun, machine]) => {
    const more = noun === "server" ? [statusSection(serverStatus)] : [];
    return [`${noun}-states.md`, statePage(noun, machine, more)];
  });
}

export function statePage(noun: string, machine: States, more: readonly string[]): string {
  const stable = [...new Set([machine.initial, ...machine.stable])];
  return page(
    `States of ${noun}s`,
    `A new ${noun} is ${code(machine.initial)}. All states: ${codes(stable)}.`,
    "An action that fails leads to the last column; `same` is the state it began in.",
    table(
      ["Action", "Begins in", "Said to be", "Then", "On failure"],
      Object.entries(machine.actions).map(([name, rule]) => actionRow(name, rule)),
    ),
    drawing(machine),
    ...more,
  );
}

function actionRow(name: string, rule: ActionRule<string>): string[] {
  const from = rule.from === "any" ? "any state" : codes(rule.from);
  const when = rule.evenWhileBusy === true ? `${from}, even while another action runs` : from;
  return [code(name), when, rule.task === null ? "–" : code(rule.task), ends(rule), code(rule.fail)];
}

function ends({ to, orTo }: ActionRule<string>): string {
  return orTo === undefined ? code(to) : `${code(to)} or ${code(orTo)}`;
}

/** A drawing of what succeeds; failures are in the table. */
function drawing({ initial, stable, actions }: States): string {
  const id = (state: string) => state.replaceAll("-", "_");
  const arrows = Object.entries<ActionRule<string>>(actions).flatMap(([name, { from, to, orTo }]) => {
    const starts = from === "any" ? [initial, ...stable].filter((state) => state !== to) : from;
    const all = [to, orTo ?? "same"].filter((end) => end !== "same");
    return all.flatMap((end) => starts.map((start) => `  ${id(start)} --> ${id(end)}: ${name}`));
  });
  const lines = ["```mermaid", "stateDiagram-v2", `  [*] --> ${id(initial)}`, ...new Set(arrows), "```"];
  return lines.join("\n");
}

function statusSection(rules: CloudReference["serverStatus"]): string {
  const rows = rules.map(({ vm, tasks, status }) => [
    code(status),
    codes(vm),
    tasks === null ? "any other, or none" : codes(tasks),
  ]);
  return [
    "## What the API says",
    "The first row that fits a server's `vm_state` and `task_state` is its `status`.",
    table(["status", "vm_state", "task_state"], rows),
  ].join("\n\n");
}
