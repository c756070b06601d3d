// Passes hosts whose compute service is enabled and has reported lately.
import { type Filter, plainReason } from "../filter.ts";

export const computeStatusFilter: Filter = {
  name: "ComputeFilter",
  reject({ isEnabled, disabledReason, isUp, isDeaf }) {
    if (!isEnabled) return plainReason(`disabled: ${disabledReason ?? "no reason given"}`, "disabled");
    if (isDeaf) return plainReason("deaf: its compute service reports and takes no work", "deaf");
    return isUp ? null : plainReason("down: its compute service has not reported lately", "down");
  },
};
