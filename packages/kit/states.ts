// State machines as data. Code asks the table; nobody compares a state elsewhere.

export interface ActionRule<State extends string> {
  /** The states the action may start from; `any` is every state. */
  readonly from: readonly State[] | "any";
  /** What the resource is said to be doing while the action runs; null where nothing is said. */
  readonly task: string | null;
  /** Whether the action may start while another runs (deletion). */
  readonly evenWhileBusy?: boolean;
  readonly to: State | "same";
  /** Another state in which it may end as well; who ends the action knows which. */
  readonly orTo?: State;
  readonly fail: State | "same";
}

export interface StateTable<State extends string, Action extends string> {
  readonly initial: State;
  readonly stable: readonly State[];
  readonly actions: Readonly<Record<Action, ActionRule<State>>>;
}

/**
 * Checks and returns the table: every state named is reachable, and every stable state but a final one has a
 * way out.
 */
export function states<const State extends string, const Action extends string>(
  table: StateTable<State, Action>,
): StateTable<State, Action> {
  const rules: readonly ActionRule<State>[] = Object.values(table.actions);
  const known = new Set<string>([table.initial, ...table.stable]);
  const reached = new Set<string>([table.initial]);
  for (const rule of rules) {
    for (const state of rule.from === "any" ? [] : rule.from) {
      if (!known.has(state)) throw new Error(`State ${state} is used but not declared.`);
    }
    for (const state of [rule.to, rule.orTo ?? "same", rule.fail]) {
      if (state === "same") continue;
      if (!known.has(state)) throw new Error(`State ${state} is used but not declared.`);
      reached.add(state);
    }
  }
  for (const state of table.stable)
    if (!reached.has(state)) throw new Error(`State ${state} cannot be reached.`);
  return table;
}
