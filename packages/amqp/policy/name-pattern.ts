// A policy's pattern. Whoever makes policies is no administrator, and whoever names queues may be anybody: a
// pattern that can take for ever, on a name made for it, is matched with a limit.
import { createContext, Script } from "node:vm";

/** A repeated group, a reference to one, or many repetitions: only these can take long on 255 bytes. */
const mayTakeLong = /\)[*+{]|\\[1-9k]|(?:[*+}].*){4}/s;
const withinMs = 1_000;
const match = new Script("found.test(name)");

export class NamePattern {
  readonly #found: RegExp;
  readonly #isLimited: boolean;
  /** Called once, when a name took too long: from then on nothing matches. */
  readonly #givenUp: (name: string) => void;
  #isGivenUp = false;

  constructor(pattern: string, givenUp: (name: string) => void) {
    this.#found = new RegExp(pattern);
    this.#isLimited = mayTakeLong.test(pattern);
    this.#givenUp = givenUp;
  }

  matches(name: string): boolean {
    if (!this.#isLimited) return this.#found.test(name);
    return !this.#isGivenUp && this.#matchesInTime(name);
  }

  #matchesInTime(name: string): boolean {
    try {
      return match.runInContext(createContext({ found: this.#found, name }), { timeout: withinMs }) === true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      this.#isGivenUp = true;
      this.#givenUp(name);
      return false;
    }
  }
}
