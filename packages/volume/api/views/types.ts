// How a volume type looks from outside.
import { always, type View } from "@micronova/http";
import type { VolumeType } from "../../tables.ts";

export const typeView: View<VolumeType> = {
  id: always(({ id }) => id),
  name: always(({ name }) => name),
  is_public: always(({ is_public }) => is_public === 1),
  "os-volume-type-access:is_public": always(({ is_public }) => is_public === 1),
  description: always(({ description }) => description),
  extra_specs: always(({ extra_specs }) => JSON.parse(extra_specs)),
  qos_specs_id: { ...always(() => null), adminOnly: true },
};
