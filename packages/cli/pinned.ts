// HTTPS to a server that is known by its certificate's fingerprint alone: no authority needs to be trusted.
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect, type TLSSocket } from "node:tls";
import { cliErrors } from "./errors.ts";

const timeoutMs = 30_000;

/** The fingerprint of the certificate that a server shows; null for one without TLS. */
export async function pinOf(url: string): Promise<string | null> {
  if (!url.startsWith("https:")) return null;
  const socket = await connected(url);
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

/** Sends JSON once the server has shown the certificate; the answer is a status and JSON. */
export async function postPinned(
  url: string,
  pin: string | null,
  body: unknown,
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape.
): Promise<{ readonly status: number; readonly body: any }> {
  const socket = pin === null ? null : await connected(url);
  if (socket !== null && socket.getPeerCertificate().fingerprint256 !== pin) {
    socket.destroy();
    throw cliErrors.otherCertificate(new URL(url).origin);
  }
  const options = { method: "POST", headers: { "content-type": "application/json" }, timeout: timeoutMs };
  return new Promise((resolve, reject) => {
    const request =
      socket === null
        ? httpRequest(url, options)
        : httpsRequest(url, { ...options, createConnection: () => socket });
    request.once("response", (response) => {
      response.setEncoding("utf8");
      let text = "";
      response.on("data", (part: string) => {
        text += part;
      });
      response.once("error", (error) => reject(unreachable(url, error)));
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body: parsed(text) }));
    });
    request.once("timeout", () => request.destroy(new Error("it does not answer")));
    request.once("error", (error) => reject(unreachable(url, error)));
    request.end(JSON.stringify(body));
  });
}

function connected(text: string): Promise<TLSSocket> {
  const url = new URL(text);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    // Whose certificate it is, the fingerprint tells.
    const options = { host, port: Number(url.port || 443), rejectUnauthorized: false, timeout: timeoutMs };
    const socket = connect(options, () => resolve(socket));
    socket.once("timeout", () => socket.destroy(new Error("it does not answer")));
    socket.once("error", (error) => reject(unreachable(text, error)));
  });
}

function unreachable(url: string, error: Error) {
  return cliErrors.joinUnreachable(new URL(url).origin, error.message);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Whatever stands between may answer in its own words.
    if (error instanceof SyntaxError) return { error: { message: text.slice(0, 200) } };
    throw error;
  }
}
