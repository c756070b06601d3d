// Operators' policies, parameters and limits, of which this broker has none: lists of them are empty, and
// setting one is refused with what to do instead.
import type { Guard } from "../caller.ts";
import { managementErrors } from "../errors.ts";
import { list, type Route, route } from "../routes.ts";

interface Family {
  readonly what: string;
  readonly instead: string;
  readonly lists: readonly (readonly [path: string, guard: Guard])[];
  /** Paths of one of them. */
  readonly ones: readonly (readonly [path: string, guard: Guard])[];
}

const families: readonly Family[] = [
  {
    what: "Setting operators' policies",
    instead: "Policies set the same, and of a policy and an argument the stricter holds.",
    lists: [
      ["/operator-policies", "management"],
      ["/operator-policies/:vhost", "host"],
    ],
    ones: [["/operator-policies/:vhost/:name", "administrator"]],
  },
  {
    what: "Setting parameters",
    instead: "There is no plugin here that reads any.",
    lists: [
      ["/parameters", "policymaker"],
      ["/parameters/:component", "policymaker"],
      ["/parameters/:component/:vhost", "policymaker"],
      ["/global-parameters", "policymaker"],
    ],
    ones: [
      ["/parameters/:component/:vhost/:name", "policymaker"],
      ["/global-parameters/:name", "policymaker"],
    ],
  },
  {
    what: "Limiting virtual hosts and users",
    instead: "Give queues x-max-length or x-max-length-bytes.",
    lists: [
      ["/vhost-limits", "management"],
      ["/vhost-limits/:vhost", "host"],
      ["/user-limits", "management"],
      ["/user-limits/:user", "management"],
    ],
    ones: [
      ["/vhost-limits/:vhost/:name", "administrator"],
      ["/user-limits/:user/:name", "administrator"],
    ],
  },
  {
    what: "Permissions by topic",
    instead: "Permissions by the exchange's name hold for all its keys.",
    lists: [
      ["/topic-permissions", "administrator"],
      ["/vhosts/:vhost/topic-permissions", "administrator"],
      ["/users/:user/topic-permissions", "administrator"],
    ],
    ones: [["/topic-permissions/:vhost/:user", "administrator"]],
  },
  {
    what: "Renaming the cluster",
    instead: "It is called micronova.",
    lists: [],
    ones: [["/cluster-name", "administrator"]],
  },
];

export const parameterRoutes: readonly Route[] = families.flatMap(({ what, instead, lists, ones }) => {
  const refuse = () => {
    throw managementErrors.unsupported(what, instead);
  };
  return [
    ...lists.map(([path, guard]) => route("GET", path, guard, () => list([]))),
    ...ones.flatMap(([path, guard]) => {
      const put = route("PUT", path, guard, refuse);
      if (path === "/cluster-name") return [put];
      const none = () => {
        throw managementErrors.noObject();
      };
      return [put, route("GET", path, guard, none), route("DELETE", path, guard, none)];
    }),
  ];
});
