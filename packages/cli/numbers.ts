// Numbers on the command line.
import { cliErrors } from "./errors.ts";

/** Throws a sentence that names the option. */
export function wholeNumber(option: string, text: string): number {
  if (!/^\d+$/.test(text)) throw cliErrors.notANumber(option, text);
  return Number(text);
}
