// Errors that can happen by themselves are rows of a package's table; what must not be possible is an
// `assert`.

/** One row: `status` is the HTTP status, `text` the sentence; `retriable` lets a saga try again elsewhere. */
export interface ErrorSpec {
  readonly status: number;
  /** The sentence; `never` lets every row have parameters of its own. */
  readonly text: (...params: never[]) => string;
  readonly retriable?: boolean;
  /** The exception's name where the service shows it (Neutron's `type`). */
  readonly type?: string;
}

/** An error of a package's table. `kind` is `<package>.<row>` and survives a trip over the bus. */
export class Fault extends Error {
  readonly kind: string;
  readonly status: number;
  readonly retriable: boolean;
  readonly type: string | null;
  readonly params: readonly unknown[];

  constructor(row: Omit<WireFault, "message"> & { readonly message: string }, options?: ErrorOptions) {
    super(row.message, options);
    this.name = "Fault";
    this.kind = row.kind;
    this.status = row.status;
    this.retriable = row.retriable;
    this.type = row.type;
    this.params = row.params;
  }
}

/** A `Fault` as plain JSON. */
export interface WireFault {
  readonly kind: string;
  readonly status: number;
  readonly message: string;
  readonly retriable: boolean;
  readonly type: string | null;
  readonly params: readonly unknown[];
}

/** Makes a `Fault` of its kind; also names the kind, for `isFault`. */
export interface FaultMaker<P extends readonly unknown[]> {
  (...params: P): Fault;
  readonly kind: string;
  readonly status: number;
}

type FaultTable<T extends Record<string, ErrorSpec>> = {
  readonly [K in keyof T]: FaultMaker<Parameters<T[K]["text"]>>;
};

/** Turns a package's rows into makers: `throw errors.serverNotFound(id)`. */
export function errorTable<const T extends Record<string, ErrorSpec>>(owner: string, rows: T): FaultTable<T> {
  const makers = Object.entries(rows).map(([row, spec]) => {
    const kind = `${owner}.${row}`;
    const make = (...params: unknown[]) =>
      new Fault({
        kind,
        status: spec.status,
        // The maker's type asks for exactly the row's own parameters.
        message: spec.text(...(params as never[])),
        retriable: spec.retriable ?? false,
        type: spec.type ?? null,
        params,
      });
    return [row, Object.assign(make, { kind, status: spec.status })] as const;
  });
  // The entries were made row by row from `rows`, so their types follow its keys.
  return Object.fromEntries(makers) as unknown as FaultTable<T>;
}

/** Whether the error is a `Fault`, of the given kind if one is named. */
export function isFault(error: unknown, of?: { readonly kind: string }): error is Fault {
  return error instanceof Fault && (of === undefined || error.kind === of.kind);
}

export function faultToWire(fault: Fault): WireFault {
  const { kind, status, message, retriable, type, params } = fault;
  return { kind, status, message, retriable, type, params };
}

export function faultFromWire(wire: WireFault): Fault {
  return new Fault(wire);
}
