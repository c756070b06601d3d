// One thing after another: tasks of a lane never overlap, in the order they came.

export type Lane = <T>(task: () => Promise<T>) => Promise<T>;

export function lane(): Lane {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    // A task that failed has told its own caller; the next one starts all the same.
    const result = last.then(task, task);
    last = result;
    return result;
  };
}
