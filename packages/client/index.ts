// A small HTTP client of the cloud's APIs: logs in, finds services by the catalog, and turns faults into
// errors that say what the service said. No Node types, so that it also runs in a browser.

export interface Credentials {
  readonly authUrl: string;
  readonly username: string;
  readonly password: string;
  readonly projectName: string;
  readonly userDomain: string;
  readonly projectDomain: string;
}

export type ServiceType =
  | "compute"
  | "image"
  | "network"
  | "volumev3"
  | "placement"
  | "identity"
  | "operations"
  | "bus";

/** An answer that was not a success. */
export class ApiError extends Error {
  readonly status: number;
  readonly requestId: string | null;

  constructor(status: number, message: string, requestId: string | null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.requestId = requestId;
  }
}

export interface ApiCall {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly bytes?: ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly microversion?: string;
}

export interface Client {
  readonly projectId: string;
  /** The JSON of a successful answer; null when it has no body. Throws `ApiError`. */
  call(service: ServiceType, path: string, call?: ApiCall): Promise<Json>;
  /** A service's address in the catalog. */
  endpoint(service: ServiceType): string;
}

// Answers are read by callers who know their shape from the API reference.
// biome-ignore lint/suspicious/noExplicitAny: JSON of any shape.
export type Json = any;

/** Logs in for a token of the project and reads the catalog. `headers` go with every request. */
export async function connect(
  credentials: Credentials,
  headers: Readonly<Record<string, string>> = {},
): Promise<Client> {
  const response = await fetch(`${credentials.authUrl}/auth/tokens`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(passwordRequest(credentials)),
  });
  const { token } = await read(response);
  const secret = response.headers.get("x-subject-token") ?? "";
  const endpoint = (service: ServiceType): string => {
    const entry = token.catalog.find(({ type }: Json) => type === service);
    const found = entry?.endpoints.find((candidate: Json) => candidate.interface === "public");
    // The operators' services are Micronova's own, and in no catalog.
    const own = uncatalogued[service];
    if (own !== undefined) return `${credentials.authUrl.replace(/\/identity\/v3\/?$/, "")}${own}`;
    if (found === undefined) throw new ApiError(404, `The catalog has no service ${service}.`, null);
    return found.url;
  };
  return {
    projectId: token.project.id,
    endpoint,
    async call(service, path, call = {}) {
      const version = call.microversion;
      const answer = await fetch(endpoint(service) + path, {
        method: call.method ?? "GET",
        headers: {
          ...headers,
          "x-auth-token": secret,
          ...(call.body === undefined ? {} : { "content-type": "application/json" }),
          ...(version === undefined ? {} : { "openstack-api-version": `${versionName[service]} ${version}` }),
          ...call.headers,
        },
        ...(call.bytes === undefined
          ? call.body === undefined
            ? {}
            : { body: JSON.stringify(call.body) }
          : // Streams are sent as they come; the type of Node's fetch does not know `duplex` yet.
            ({ body: call.bytes, duplex: "half" } as RequestInit)),
      });
      return read(answer);
    },
  };
}

const uncatalogued: Readonly<Partial<Record<ServiceType, string>>> = {
  operations: "/operations/v1",
  bus: "/bus/api",
};

const versionName: Readonly<Record<ServiceType, string>> = {
  compute: "compute",
  image: "image",
  network: "network",
  volumev3: "volume",
  placement: "placement",
  identity: "identity",
  operations: "operations",
  bus: "bus",
};

function passwordRequest({
  username,
  password,
  projectName,
  userDomain,
  projectDomain,
}: Credentials): object {
  const user = { name: username, password, domain: { name: userDomain } };
  return {
    auth: {
      identity: { methods: ["password"], password: { user } },
      scope: { project: { name: projectName, domain: { name: projectDomain } } },
    },
  };
}

async function read(response: Response): Promise<Json> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  const body = isJson && text !== "" ? JSON.parse(text) : null;
  if (response.ok) return body;
  const requestId = response.headers.get("x-openstack-request-id");
  throw new ApiError(response.status, messageOf(body) ?? (text || response.statusText), requestId);
}

/** The sentence inside a fault, whichever service's dialect it is in. */
function messageOf(body: Json): string | null {
  const inner = body === null ? null : (Object.values(body)[0] as Json);
  return inner?.message ?? inner?.[0]?.detail ?? null;
}
