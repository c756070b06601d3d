// Topic: keys are words between dots; in a binding `*` stands for one word and `#` for any number of them.
// Bindings form a trie which is walked as a nondeterministic automaton, so that a pattern with many `#` costs
// no more than its number of nodes for each word.
import type { Router } from "./router.ts";

interface Node<T> {
  readonly words: Map<string, Node<T>>;
  /** The child under `#` stays where it is on any further word. */
  readonly isHash: boolean;
  targets: T[];
}

// Keys repeat (a host's name), so answers are remembered; a flood of different keys empties the memory.
const remembered = 1_000;

export function topicRouter<T>(): Router<T> {
  const root = node<T>(false);
  const known = new Map<string, readonly T[]>();
  return {
    bind({ key }, target) {
      const leaf = descend(root, key);
      if (!leaf.targets.includes(target)) leaf.targets.push(target);
      known.clear();
    },
    unbind({ key }, target) {
      prune(root, wordsOf(key), (leaf) => drop(leaf, target));
      known.clear();
    },
    remove(target) {
      removeBelow(root, target);
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
  return { words: new Map(), isHash, targets: [] };
}

function descend<T>(from: Node<T>, pattern: string): Node<T> {
  let at = from;
  for (const word of wordsOf(pattern)) {
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
      if (word !== "*" && word !== "#") enter(next, state.words.get(word));
      enter(next, state.words.get("*"));
    }
    states = next;
  }
  return [...new Set([...states].flatMap((state) => state.targets))];
}

/** Adds a node, and what is reached from it without a word: the child under `#`. */
function enter<T>(states: Set<Node<T>>, state: Node<T> | undefined): void {
  if (state === undefined) return;
  states.add(state);
  enter(states, state.words.get("#"));
}

function drop<T>(leaf: Node<T>, target: T): void {
  leaf.targets = leaf.targets.filter((other) => other !== target);
}

function prune<T>(at: Node<T>, words: readonly string[], leave: (leaf: Node<T>) => void): void {
  const [word, ...rest] = words;
  if (word === undefined) {
    leave(at);
    return;
  }
  const next = at.words.get(word);
  if (next === undefined) return;
  prune(next, rest, leave);
  if (isBare(next)) at.words.delete(word);
}

function removeBelow<T>(at: Node<T>, target: T): void {
  drop(at, target);
  for (const [word, next] of at.words) {
    removeBelow(next, target);
    if (isBare(next)) at.words.delete(word);
  }
}

function isBare<T>(at: Node<T>): boolean {
  return at.targets.length === 0 && at.words.size === 0;
}
