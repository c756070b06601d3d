// One thing at a time for each server, in the order asked; different servers do not wait for each other.

export interface Lanes {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export function lanes(): Lanes {
  const tails = new Map<string, Promise<unknown>>();
  return {
    run(key, work) {
      const result = (tails.get(key) ?? Promise.resolve()).then(work);
      // A failure belongs to its caller and does not stop those behind it.
      const tail = result.then(
        () => undefined,
        () => undefined,
      );
      tails.set(key, tail);
      tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      return result;
    },
  };
}
