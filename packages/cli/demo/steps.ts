// Tells the demo's steps as they happen: what is done, progress where it takes time, how long it took.

export interface Teller {
  /** Runs one step; `progress` says in a few words where it is. */
  step<T>(what: string, work: (progress: (text: string) => void) => Promise<T>): Promise<T>;
  /** A line of what was seen, under the step. */
  note(text: string): void;
}

/** Writes to standard error; on a terminal a running step's line is rewritten in place. */
export function teller(output: NodeJS.WriteStream): Teller {
  const isTerminal = output.isTTY && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
  let number = 0;
  return {
    async step(what, work) {
      number++;
      const head = `${String(number).padStart(2)}. ${what}`;
      const started = performance.now();
      const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
      let said = "";
      const progress = (text: string) => {
        if (text === said) return;
        said = text;
        output.write(isTerminal ? `\r\x1b[K${head} … ${text}` : `    ${seconds().padStart(7)}  ${text}\n`);
      };
      if (isTerminal) output.write(`${head} …`);
      else output.write(`${head} …\n`);
      try {
        const result = await work(progress);
        output.write(isTerminal ? `\r\x1b[K${head}  ${seconds()}\n` : `    ${seconds().padStart(7)}  done\n`);
        return result;
      } catch (error) {
        output.write(
          isTerminal ? `\r\x1b[K${head}  failed after ${seconds()}\n` : `    ${seconds()}  failed\n`,
        );
        throw error;
      }
    },
    note: (text) => output.write(`             ${text}\n`),
  };
}
