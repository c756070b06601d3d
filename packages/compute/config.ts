// Compute's settings, with their defaults and a line of help each. Names are Nova's where Nova has the
// setting.
import { configType as Type } from "@micronova/kit/config";

const count = (value: number, description: string) =>
  Type.Integer({ minimum: 0, default: value, description });

export const computeConfigSchema = Type.Object({
  default_availability_zone: Type.String({
    default: "nova",
    description: "The availability zone of hosts that belong to no aggregate with one.",
  }),
  dhcp_domain: Type.String({
    default: "novalocal",
    description: "Appended to a server's hostname in its metadata; empty for no suffix.",
  }),
  service_down_seconds: count(15, "A host that has not reported for so long counts as down."),
  report_interval_seconds: count(5, "How often a host reports that it lives."),
  max_limit: count(1000, "The most items of one page of a list."),
  enable_instance_password: Type.Boolean({
    default: true,
    description: "Whether creating a server answers an administrator's password.",
  }),
  cpu_allocation_ratio: Type.Number({ default: 4, description: "Virtual CPUs per CPU of a host." }),
  ram_allocation_ratio: Type.Number({ default: 1, description: "Overcommit of a host's memory." }),
  disk_allocation_ratio: Type.Number({ default: 1, description: "Overcommit of a host's disk." }),
  reserved_host_memory_mb: count(512, "Memory of a host kept for the host itself."),
  allow_resize_to_same_host: Type.Boolean({
    default: false,
    description: "Whether a resized server may stay on its host.",
  }),
});

export interface ComputeConfig {
  readonly default_availability_zone: string;
  readonly dhcp_domain: string;
  readonly service_down_seconds: number;
  readonly report_interval_seconds: number;
  readonly max_limit: number;
  readonly enable_instance_password: boolean;
  readonly cpu_allocation_ratio: number;
  readonly ram_allocation_ratio: number;
  readonly disk_allocation_ratio: number;
  readonly reserved_host_memory_mb: number;
  readonly allow_resize_to_same_host: boolean;
}

/** The settings of a cloud whose operator set none. */
export const computeDefaults: ComputeConfig = {
  default_availability_zone: "nova",
  dhcp_domain: "novalocal",
  service_down_seconds: 15,
  report_interval_seconds: 5,
  max_limit: 1000,
  enable_instance_password: true,
  cpu_allocation_ratio: 4,
  ram_allocation_ratio: 1,
  disk_allocation_ratio: 1,
  reserved_host_memory_mb: 512,
  allow_resize_to_same_host: false,
};
