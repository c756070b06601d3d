// One thing at a time, in the order asked. A failure belongs to its caller and does not stop those behind it.

export type Lane = <T>(work: () => Promise<T>) => Promise<T>;

export function lane(): Lane {
  let tail: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = tail.then(work);
    tail = result.catch(() => undefined);
    return result;
  };
}
