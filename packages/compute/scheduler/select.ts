// The scheduler's decision as a pure function: hosts and a request in, a ranking and every refusal out. It
// promises nothing; the claim that follows is what is safe. The same hosts, request and chance give the same
// answer, in whatever order the hosts are given.
import type { Random } from "@micronova/kit";
import type { Reason } from "./filter.ts";
import { hostNameFilter } from "./filters/host-name-filter.ts";
import type { HostState } from "./host-state.ts";
import type { Policy } from "./policy.ts";
import type { RequestSpec } from "./request-spec.ts";
import { normalise } from "./weigher.ts";

export interface Rejection {
  readonly filter: string;
  readonly reason: Reason;
}

export interface RankedHost<H extends HostState = HostState> {
  readonly host: H;
  readonly score: number;
  /** Each weigher's part of the score. */
  readonly weights: Readonly<Record<string, number>>;
}

export interface Selection<H extends HostState = HostState> {
  /** The best first. */
  readonly ranked: readonly RankedHost<H>[];
  /** By host, the first filter that turned it away. */
  readonly rejections: ReadonlyMap<string, Rejection>;
}

/**
 * Ranks the hosts that pass. `random` breaks ties: seeded by the server's id, any decision can be replayed.
 */
export function select<H extends HostState>(
  hosts: readonly H[],
  request: RequestSpec,
  policy: Policy,
  random: Random,
): Selection<H> {
  const rejections = new Map<string, Rejection>();
  const passing: H[] = [];
  for (const host of hosts) {
    const rejection = firstRejection(host, request, policy);
    if (rejection === null) passing.push(host);
    else rejections.set(host.host, rejection);
  }
  // Sorted before they are shuffled, so that chance does not depend on the order in which hosts came.
  passing.sort((one, other) => (one.host < other.host ? -1 : 1));
  const ranked = weigh(random.shuffle(passing), request, policy).sort(
    (one, other) => other.score - one.score,
  );
  return { ranked: drawWinner(ranked, policy.hostSubsetSize, random), rejections };
}

/** Everything that speaks against a host, and not only the first: what an operator asks with `explain`. */
export function explain(host: HostState, request: RequestSpec, policy: Policy): readonly Rejection[] {
  return filtersFor(request, policy).flatMap((filter) => {
    const reason = filter.reject(host, request);
    return reason === null ? [] : [{ filter: filter.name, reason }];
  });
}

function firstRejection(host: HostState, request: RequestSpec, policy: Policy): Rejection | null {
  for (const filter of filtersFor(request, policy)) {
    const reason = filter.reject(host, request);
    if (reason !== null) return { filter: filter.name, reason };
  }
  return null;
}

const forcedFilters = [hostNameFilter];

/** A forced host is its administrator's responsibility: nothing else is asked. */
function filtersFor(request: RequestSpec, policy: Policy) {
  return request.forceHost === null ? policy.filters : forcedFilters;
}

function weigh<H extends HostState>(
  hosts: readonly H[],
  request: RequestSpec,
  { weighers }: Policy,
): RankedHost<H>[] {
  const columns = weighers.map(({ weigher, multiplier }) => {
    const raw = hosts.map((host) => weigher.weigh(host, request));
    return { name: weigher.name, multiplier, scaled: normalise(raw, weigher.floor) };
  });
  return hosts.map((host, at) => {
    const weights: Record<string, number> = {};
    let score = 0;
    for (const { name, multiplier, scaled } of columns) {
      const weight = multiplier * scaled[at]!;
      weights[name] = weight;
      score += weight;
    }
    return { host, score, weights };
  });
}

function drawWinner<H extends HostState>(
  ranked: RankedHost<H>[],
  subsetSize: number,
  random: Random,
): readonly RankedHost<H>[] {
  const drawn = random.int(Math.max(1, Math.min(subsetSize, ranked.length)));
  if (drawn === 0) return ranked;
  const winner = ranked[drawn]!;
  return [winner, ...ranked.filter((other) => other !== winner)];
}
