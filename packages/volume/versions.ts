// What each microversion of block storage brought here. Versions not listed change nothing that this cloud
// has.
import type { History } from "@micronova/http";

export const volumeHistory: History = {
  serviceType: "volume",
  min: "3.0",
  max: "3.71",
  changes: {
    "3.3": "User messages can be listed, shown and deleted.",
    "3.7": "Services show their cluster.",
    "3.12": "A summary of a project's volumes.",
    "3.13": "Volumes show group_id.",
    "3.21": "Administrators see a volume's provider_id.",
    "3.23": "Administrators may delete a volume with force.",
    "3.27": "Attachments.",
    "3.33": "Unknown filters of the volume list are refused; resource_filters tells the known ones.",
    "3.34": "Volumes can be listed by a part of their name.",
    "3.36": "The summary shows metadata.",
    "3.44": "Attachments are completed by an action.",
    "3.45": "Lists of volumes can be counted.",
    "3.48": "Volumes show shared_targets and service_uuid.",
    "3.49": "Services show backend_state.",
    "3.53": "Unknown names in the body of a volume's creation are refused.",
    "3.54": "Attachments are created with a mode.",
    "3.61": "Administrators see a volume's cluster_name.",
    "3.63": "Volumes show volume_type_id.",
    "3.65": "Volumes show consumes_quota.",
    "3.69": "shared_targets may be null.",
    "3.71": "The newest version that clients may ask for.",
  },
};
