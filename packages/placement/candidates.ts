// Allocation candidates: every way to satisfy a request within one tree of providers. The unnamed group may
// be spread over the tree; each named group comes from one provider. Pure.
import type { Amounts } from "./allocations.ts";
import { type Demand, hasRoom, meets, type Place } from "./landscape.ts";

export interface Group {
  /** Empty for the group that may be spread. */
  readonly suffix: string;
  readonly resources: Amounts;
  readonly traits: Demand;
  readonly aggregates: Demand;
  /** Only providers of the tree that this one is in. */
  readonly inTree: string | null;
}

export interface CandidateRequest {
  readonly groups: readonly Group[];
  readonly isolate: boolean;
  readonly rootTraits: Demand;
  /** Suffixes whose providers must lie below one of them. */
  readonly sameSubtree: readonly (readonly string[])[];
  readonly limit: number;
}

export interface Candidate {
  readonly allocations: Readonly<Record<string, { readonly resources: Amounts }>>;
  readonly mappings: Readonly<Record<string, readonly string[]>>;
}

/** One way to satisfy one group: amounts by provider. */
type Part = readonly { readonly place: Place; readonly resources: Amounts }[];

export function candidates(places: readonly Place[], request: CandidateRequest): readonly Candidate[] {
  const trees = Map.groupBy(places, ({ provider }) => provider.root_id);
  const found: Candidate[] = [];
  for (const [rootId, tree] of trees) {
    const root = tree.find(({ provider }) => provider.id === rootId);
    if (root === undefined || !meets(root.traits, request.rootTraits)) continue;
    const ways = request.groups.map((group) => partsOf(group, tree, root));
    for (const parts of product(ways)) {
      if (found.length >= request.limit) return found;
      const candidate = combined(request, parts, tree);
      if (candidate !== null) found.push(candidate);
    }
  }
  return found;
}

function partsOf(group: Group, tree: readonly Place[], root: Place): readonly Part[] {
  if (group.inTree !== null && !tree.some(({ provider }) => provider.id === group.inTree)) return [];
  return group.suffix === "" ? spreadParts(group, tree, root) : singleParts(group, tree);
}

function singleParts({ resources, traits, aggregates }: Group, tree: readonly Place[]): readonly Part[] {
  return tree
    .filter((place) => meets(place.traits, traits) && meets(place.aggregates, aggregates))
    .filter((place) => Object.entries(resources).every(([name, amount]) => hasRoom(place, name, amount)))
    .map((place) => [{ place, resources }]);
}

/**
 * Each class from any provider of the tree; wanted traits may be those of any provider used, unwanted of
 * none.
 */
function spreadParts(
  { resources, traits, aggregates }: Group,
  tree: readonly Place[],
  root: Place,
): readonly Part[] {
  const allowed = tree.filter(
    (place) =>
      !traits.none.some((name) => place.traits.has(name)) &&
      // A host's aggregates hold for everything in it.
      (meets(place.aggregates, aggregates) || meets(root.aggregates, aggregates)),
  );
  const ways = Object.entries(resources).map(([name, amount]) =>
    allowed
      .filter((place) => hasRoom(place, name, amount))
      .map((place) => ({ place, resources: { [name]: amount } })),
  );
  const wanted = { ...traits, none: [] };
  return [...product(ways)].filter((part) => {
    const all = new Set([root, ...part.map(({ place }) => place)].flatMap(({ traits: names }) => [...names]));
    return meets(all, wanted);
  });
}

/** Every choice of one from each list. */
function* product<T>(lists: readonly (readonly T[])[]): Generator<readonly T[]> {
  const [first, ...rest] = lists;
  if (first === undefined) {
    yield [];
    return;
  }
  for (const item of first) for (const others of product(rest)) yield [item, ...others];
}

/** The groups' parts as one candidate; null when together they ask too much, or stand where they must not. */
function combined(
  request: CandidateRequest,
  parts: readonly Part[],
  tree: readonly Place[],
): Candidate | null {
  const named = parts.filter((_, at) => request.groups[at]!.suffix !== "").map((part) => part[0]!.place);
  if (request.isolate && new Set(named).size < named.length) return null;
  const sums = new Map<Place, Record<string, number>>();
  for (const { place, resources } of parts.flat()) {
    const sum = sums.get(place) ?? {};
    for (const [name, amount] of Object.entries(resources)) sum[name] = (sum[name] ?? 0) + amount;
    sums.set(place, sum);
  }
  for (const [place, sum] of sums) {
    for (const [name, amount] of Object.entries(sum)) if (!hasRoom(place, name, amount)) return null;
  }
  const mappings = Object.fromEntries(
    parts.map((part, at) => [
      request.groups[at]!.suffix,
      [...new Set(part.map(({ place }) => place.provider.id))],
    ]),
  );
  if (!request.sameSubtree.every((suffixes) => isOneSubtree(suffixes, mappings, tree))) return null;
  const used = [...sums].filter(([, sum]) => Object.keys(sum).length > 0);
  const allocations = used.map(([{ provider }, resources]) => [provider.id, { resources }] as const);
  return { allocations: Object.fromEntries(allocations), mappings };
}

/** Whether one of the suffixes' providers stands above (or is) all the others. */
function isOneSubtree(
  suffixes: readonly string[],
  mappings: Readonly<Record<string, readonly string[]>>,
  tree: readonly Place[],
): boolean {
  const ids = suffixes.flatMap((suffix) => mappings[suffix] ?? []);
  const parents = new Map(tree.map(({ provider }) => [provider.id, provider.parent_id]));
  const isBelow = (id: string | null | undefined, top: string): boolean =>
    id === top || (id != null && isBelow(parents.get(id), top));
  return ids.some((top) => ids.every((id) => isBelow(id, top)));
}
