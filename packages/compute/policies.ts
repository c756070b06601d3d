// All of compute's policy rules. Each part stands beside the nouns it is about.
import type { Policies } from "@micronova/http";
import { resourcePolicies } from "./policies-resources.ts";
import { serverPolicies } from "./policies-servers.ts";

export const computePolicies: Policies = { ...serverPolicies, ...resourcePolicies };
