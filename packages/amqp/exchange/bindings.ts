// What a queue or an exchange is bound to, by identity. The map is made with the first binding: most queues
// are reached by their name alone, and there may be a hundred thousand of them.
import type { BindingRecord } from "./bound-exchange.ts";

const none: ReadonlyMap<string, BindingRecord> = new Map();

export class Bindings {
  #byId: Map<string, BindingRecord> | null = null;

  has(id: string): boolean {
    return this.#byId?.has(id) ?? false;
  }

  get(id: string): BindingRecord | null {
    return this.#byId?.get(id) ?? null;
  }

  set(id: string, binding: BindingRecord): void {
    this.#byId ??= new Map();
    this.#byId.set(id, binding);
  }

  delete(id: string): boolean {
    return this.#byId?.delete(id) ?? false;
  }

  values(): IterableIterator<BindingRecord> {
    return (this.#byId ?? none).values();
  }
}
