// Topic: keys are words between dots; in a binding `*` stands for one word and `#` for any number of them.
// Bindings form a trie which is walked as a nondeterministic automaton, so that a pattern with many `#` costs
// no more than its number of nodes for each word.
import type { Router } from "./router.ts";
import { TargetSet } from "./target-set.ts";

interface Node<T> {
  /** Null at the end of a pattern, unless it goes on in another. */
  words: Map<string, Node<T>> | null;
  /** The child under `#` stays where it is on any further word. */
  readonly isHash: boolean;
  /** Null where no pattern ends. */
  targets: TargetSet<T> | null;
}

// Keys repeat (a host's name), so answers are remembered; a flood of different keys empties the memory.
const remembered = 1_000;

export function topicRouter<T>(): Router<T> {
  const root = node<T>(false);
  const known = new Map<string, readonly T[]>();
  return {
    bind({ key }, target) {
      const leaf = descend(root, key);
      leaf.targets ??= new TargetSet<T>();
      leaf.targets.add(target);
      known.clear();
    },
    unbind({ key }, target) {
      prune(root, wordsOf(key), (leaf) => drop(leaf, target));
      known.clear();
    },
    targets({ key }) {
      const answer = known.get(key) ?? walk(root, key);
      if (known.size >= remembered) known.clear();
      known.set(key, answer);
      return answer;
    },
    get isEmpty() {
      return isBare(root);
    },
  };
}

/** An empty key has no words, not an empty one: that is how RabbitMQ counts. */
function wordsOf(key: string): readonly string[] {
  return key === "" ? [] : key.split(".");
}

function node<T>(isHash: boolean): Node<T> {
  return { words: null, isHash, targets: null };
}

function descend<T>(from: Node<T>, pattern: string): Node<T> {
  let at = from;
  for (const word of wordsOf(pattern)) {
    at.words ??= new Map();
    const next = at.words.get(word) ?? node<T>(word === "#");
    at.words.set(word, next);
    at = next;
  }
  return at;
}

function walk<T>(root: Node<T>, key: string): readonly T[] {
  let states = new Set<Node<T>>();
  enter(states, root);
  for (const word of wordsOf(key)) {
    const next = new Set<Node<T>>();
    for (const state of states) {
      if (state.isHash) enter(next, state);
      // A key is literal: its own `*` or `#` is no wildcard, yet a wildcard of the trie takes it.
      if (word !== "*" && word !== "#") enter(next, state.words?.get(word));
      enter(next, state.words?.get("*"));
    }
    states = next;
  }
  const found = new Set<T>();
  for (const { targets } of states) for (const target of targets?.all ?? []) found.add(target);
  return [...found];
}

/** Adds a node, and what is reached from it without a word: the child under `#`. */
function enter<T>(states: Set<Node<T>>, from: Node<T> | undefined): void {
  for (let state = from; state !== undefined && !states.has(state); state = state.words?.get("#"))
    states.add(state);
}

function drop<T>(leaf: Node<T>, target: T): void {
  leaf.targets?.delete(target);
  if (leaf.targets?.isEmpty === true) leaf.targets = null;
}

/** Takes a target out at the end of a pattern, and the nodes that lead to nothing then. */
function prune<T>(root: Node<T>, words: readonly string[], leave: (leaf: Node<T>) => void): void {
  const path: Node<T>[] = [root];
  for (const word of words) {
    const next = path.at(-1)?.words?.get(word);
    if (next === undefined) return;
    path.push(next);
  }
  // The path has at least the root.
  leave(path.at(-1) as Node<T>);
  for (let at = words.length; at > 0 && isBare(path[at]!); at--) {
    const above = path[at - 1]!;
    above.words?.delete(words[at - 1]!);
    if (above.words?.size === 0) above.words = null;
  }
}

function isBare<T>(at: Node<T>): boolean {
  return at.targets === null && at.words === null;
}
