// What `micronova host token` prints and `micronova join` takes: where the cloud is, its certificate's
// fingerprint, and the secret that lets a host in once.
import { cliErrors } from "./errors.ts";

export interface HostToken {
  /** `https://cloud.example:8774` */
  readonly url: string;
  /** SHA-256 of the APIs' certificate as Node writes it, `AB:CD:…`; null without TLS. */
  readonly pin: string | null;
  readonly secret: string;
}

const prefix = "micronova-host-";

export function writeToken({ url, pin, secret }: HostToken): string {
  return `${prefix}${Buffer.from(JSON.stringify([url, pin, secret])).toString("base64url")}`;
}

export function readToken(text: string): HostToken {
  const parts = text.startsWith(prefix) ? parsed(text.slice(prefix.length)) : null;
  if (!Array.isArray(parts) || parts.length !== 3) throw cliErrors.badToken();
  const [url, pin, secret] = parts as readonly unknown[];
  const isRight =
    typeof url === "string" &&
    /^https?:\/\//.test(url) &&
    URL.canParse(url) &&
    (pin === null || typeof pin === "string") &&
    typeof secret === "string";
  if (!isRight || (pin === null) !== url.startsWith("http:")) throw cliErrors.badToken();
  return { url, pin, secret };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString());
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
