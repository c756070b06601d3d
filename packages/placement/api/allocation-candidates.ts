// /allocation_candidates: every way in which a request could be satisfied now.
import { type ApiRequest, routesOf, type Span, since } from "@micronova/http";
import { now } from "@micronova/store";
import { type Candidate, type CandidateRequest, candidates, type Group } from "../candidates.ts";
import type { PlacementDeps } from "../deps.ts";
import { placementErrors } from "../errors.ts";
import { capacityOf } from "../inventories.ts";
import { landscape, noDemand, type Place } from "../landscape.ts";
import { assertClasses, assertTraits } from "../names.ts";
import { aggregatesDemand, amountsOf, namesIn, single, traitsDemand } from "./query.ts";
import { dated } from "./views.ts";

const route = routesOf<PlacementDeps>();

export const listCandidates = route({
  since: "1.10",
  method: "GET",
  path: "/allocation_candidates",
  policy: "placement:allocation_candidates:list",
  success: 200,
  summary: "Lists the ways in which resources could be allocated now.",
  async handle(request, { store }) {
    // Without a schema, the query is what was parsed: text, or texts where a key was repeated.
    const wanted = requestOf(request.query as Query, request.does);
    await assertClasses(
      store.read,
      wanted.groups.flatMap(({ resources }) => Object.keys(resources)),
    );
    const traits = [wanted.rootTraits, ...wanted.groups.map((group) => group.traits)];
    await assertTraits(store.read, traits.flatMap(namesIn));
    const places = await landscape(store.read);
    const found = candidates(places, wanted);
    const body = {
      allocation_requests: found.map((candidate) => shownCandidate(request, candidate)),
      provider_summaries: summaries(request, places, found, wanted),
    };
    return dated(request, now(store.read), { body });
  },
});

type Query = Readonly<Record<string, string | readonly string[]>>;
type Does = (span: Span) => boolean;

// More ways than this nobody reads, and a tree of many providers has very many.
const limitMax = 1000;

const groupKey = /^(resources|required|member_of|in_tree)([a-zA-Z0-9_-]{1,64})?$/;
const keysSince: Readonly<Record<string, string>> = {
  limit: "1.16",
  required: "1.17",
  member_of: "1.21",
  group_policy: "1.25",
  in_tree: "1.31",
  root_required: "1.35",
  same_subtree: "1.36",
};

function requestOf(query: Query, does: Does): CandidateRequest {
  for (const key of Object.keys(query)) assertKey(key, does);
  const suffixes = new Set(Object.keys(query).flatMap((key) => (groupKey.test(key) ? suffixOf(key) : [])));
  const groups = [...suffixes].sort().map((suffix) => groupOf(query, suffix, does));
  const sameSubtree = subtreesOf(query);
  const linked = new Set(sameSubtree.flat());
  if (groups.length === 0) throw placementErrors.missingValue("resources");
  for (const { suffix, resources } of groups) {
    const isBare = Object.keys(resources).length === 0;
    if (isBare && !linked.has(suffix)) throw placementErrors.missingValue(`resources${suffix}`);
  }
  const policy = single("group_policy", query["group_policy"]);
  if (policy !== null && policy !== "none" && policy !== "isolate") {
    throw placementErrors.badValue("group_policy", "expected none or isolate");
  }
  const named = groups.filter(({ suffix, resources }) => suffix !== "" && Object.keys(resources).length > 0);
  if (named.length > 1 && policy === null) throw placementErrors.missingValue("group_policy");
  return {
    groups,
    isolate: policy === "isolate",
    rootTraits:
      query["root_required"] === undefined
        ? noDemand
        : traitsDemand("root_required", query["root_required"], does),
    sameSubtree,
    limit: limitOf(query),
  };
}

function assertKey(key: string, does: Does): void {
  const [, base, suffix] = groupKey.exec(key) ?? [];
  const first = keysSince[base ?? key] ?? (base === "resources" ? "1.10" : null);
  const isNumber = suffix === undefined || /^[1-9][0-9]*$/.test(suffix);
  const isGroup = suffix === undefined || does(since(isNumber ? "1.25" : "1.33"));
  if (first === null || !does(since(first)) || !isGroup) {
    throw placementErrors.badValue(key, "there is no such parameter");
  }
}

function suffixOf(key: string): string {
  return groupKey.exec(key)?.[2] ?? "";
}

function groupOf(query: Query, suffix: string, does: Does): Group {
  const value = (base: string) => query[`${base}${suffix}`];
  return {
    suffix,
    resources: amountsOf(`resources${suffix}`, value("resources")),
    traits: traitsDemand(`required${suffix}`, value("required"), does),
    aggregates: aggregatesDemand(`member_of${suffix}`, value("member_of"), does),
    inTree: single(`in_tree${suffix}`, value("in_tree")),
  };
}

function subtreesOf(query: Query): readonly (readonly string[])[] {
  const given = query["same_subtree"];
  const texts = given === undefined ? [] : [given].flat();
  return texts.map((text) => text.split(","));
}

function limitOf(query: Query): number {
  const text = single("limit", query["limit"]);
  if (text === null) return limitMax;
  if (!/^[1-9][0-9]*$/.test(text)) throw placementErrors.badValue("limit", "expected a number above zero");
  return Math.min(Number(text), limitMax);
}

function shownCandidate({ does }: Pick<ApiRequest<unknown, unknown>, "does">, candidate: Candidate) {
  const { allocations, mappings } = candidate;
  if (does(since("1.34"))) return { allocations, mappings };
  if (does(since("1.12"))) return { allocations };
  const list = Object.entries(allocations).map(([uuid, { resources }]) => ({
    resource_provider: { uuid },
    resources,
  }));
  return { allocations: list };
}

/** The providers of the candidates' trees; before 1.29 only those that give something. */
function summaries(
  { does }: Pick<ApiRequest<unknown, unknown>, "does">,
  places: readonly Place[],
  found: readonly Candidate[],
  wanted: CandidateRequest,
): Record<string, object> {
  const used = new Set(found.flatMap(({ allocations }) => Object.keys(allocations)));
  const roots = new Set(
    places.filter(({ provider }) => used.has(provider.id)).map((place) => place.provider.root_id),
  );
  const shown = places.filter(({ provider }) =>
    does(since("1.29")) ? roots.has(provider.root_id) : used.has(provider.id),
  );
  const asked = new Set(wanted.groups.flatMap(({ resources }) => Object.keys(resources)));
  const entries = shown.map(({ provider, classes, traits }) => {
    const listed = Object.entries(classes).filter(([name]) => does(since("1.27")) || asked.has(name));
    const resources = listed.map(([name, usage]) => [
      name,
      { capacity: capacityOf(usage), used: usage.used },
    ]);
    const { parent_id: parent_provider_uuid, root_id: root_provider_uuid } = provider;
    const summary = {
      resources: Object.fromEntries(resources),
      ...(does(since("1.17")) ? { traits: [...traits] } : {}),
      ...(does(since("1.29")) ? { parent_provider_uuid, root_provider_uuid } : {}),
    };
    return [provider.id, summary] as const;
  });
  return Object.fromEntries(entries);
}
