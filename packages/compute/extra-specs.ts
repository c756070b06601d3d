// The extra specs of the namespaces Nova knows, and what their values may be. From 2.86 on others are refused
// there: a typing error would otherwise place a server where nobody wanted it.
import { resourceErrors as errors } from "./errors-resources.ts";

type Check = (value: string) => string | null;

const text: Check = () => null;
const yesNo: Check = (value) =>
  /^(?:1|t|true|on|y|yes|0|f|false|off|n|no)$/i.test(value) ? null : "is not a boolean";
const whole =
  (least: number, most = Number.MAX_SAFE_INTEGER): Check =>
  (value) =>
    /^-?\d+$/.test(value) && Number(value) >= least && Number(value) <= most
      ? null
      : `is not an integer of at least ${least}`;
const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value) ? null : `is not one of ${words.join(", ")}`;
const like =
  (pattern: RegExp): Check =>
  (value) =>
    pattern.test(value) ? null : `does not match ${pattern.source}`;

const cpuMask = like(/^\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*$/);

/** `{num}` stands for digits, `{any}` for anything. */
const known: Readonly<Record<string, Check>> = {
  "accel:device_profile": text,
  "aggregate_instance_extra_specs:{any}": text,
  "capabilities:{any}": text,
  "hw:cpu_realtime": yesNo,
  "hw:cpu_realtime_mask": cpuMask,
  "hw:hide_hypervisor_id": yesNo,
  "hw:cpu_policy": oneOf("dedicated", "shared", "mixed"),
  "hw:cpu_thread_policy": oneOf("prefer", "isolate", "require"),
  "hw:emulator_threads_policy": oneOf("isolate", "share"),
  "hw:cpu_dedicated_mask": cpuMask,
  "hw:mem_page_size": like(/^(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)$/),
  "hw:locked_memory": yesNo,
  "hw:numa_nodes": whole(1),
  "hw:numa_cpus.{num}": cpuMask,
  "hw:numa_mem.{num}": whole(1),
  "hw:pci_numa_affinity_policy": oneOf("required", "preferred", "legacy", "socket"),
  "hw:cpu_sockets": whole(1),
  "hw:cpu_cores": whole(1),
  "hw:cpu_threads": whole(1),
  "hw:cpu_max_sockets": whole(1),
  "hw:cpu_max_cores": whole(1),
  "hw:cpu_max_threads": whole(1),
  "hw:boot_menu": yesNo,
  "hw:vif_multiqueue_enabled": yesNo,
  "hw:mem_encryption": yesNo,
  "hw:mem_encryption_model": oneOf("amd-sev", "amd-sev-es", "amd-sev-snp"),
  "hw:pmem": like(/^([a-zA-Z0-9_]+(,)?)+$/),
  "hw:pmu": yesNo,
  "hw:serial_port_count": whole(0),
  "hw:tpm_model": oneOf("tpm-tis", "tpm-crb"),
  "hw:tpm_version": oneOf("1.2", "2.0"),
  "hw:tpm_secret_security": oneOf("user", "host", "deployment"),
  "hw:watchdog_action": oneOf("none", "pause", "poweroff", "reset", "disabled"),
  "hw:viommu_model": oneOf("intel", "smmuv3", "virtio", "auto"),
  "hw:virtio_packed_ring": yesNo,
  "hw:sound_model": oneOf("sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio"),
  "hw:usb_model": oneOf("none", "nec-xhci", "qemu-xhci"),
  "hw:redirected_usb_ports": whole(0, 15),
  "hw:ephemeral_encryption": yesNo,
  "hw:ephemeral_encryption_format": oneOf("plain", "luks", "luksv2"),
  "hw:maxphysaddr_mode": oneOf("passthrough", "emulate"),
  "hw:maxphysaddr_bits": whole(0),
  "hw_rng:allowed": yesNo,
  "hw_rng:rate_bytes": whole(0),
  "hw_rng:rate_period": whole(0),
  "hw_video:ram_max_mb": whole(0),
  "os:secure_boot": oneOf("disabled", "required", "optional"),
  "pci_passthrough:alias": text,
  "powervm:{any}": text,
  "quota:{any}": text,
  "resources{num}:{any}": whole(0),
  "resources:{any}": whole(0),
  "trait{num}:{any}": oneOf("required", "forbidden"),
  "trait:{any}": oneOf("required", "forbidden"),
  group_policy: oneOf("isolate", "none"),
  hide_hypervisor_id: yesNo,
  "vmware:{any}": text,
  "os:{any}": text,
};

const patterns = Object.entries(known).map(([name, check]) => {
  const source = name.replaceAll(/[.]/g, "\\.").replaceAll("{num}", "\\d+").replaceAll("{any}", ".+");
  return { pattern: new RegExp(`^${source}$`), check };
});
const namespaces = new Set(
  Object.keys(known).flatMap((name) => (name.includes(":") ? [name.split(":")[0]!] : [])),
);

/**
 * Throws for a key of a known namespace that does not exist there, or a value it cannot have. Others are
 * free.
 */
export function checkExtraSpecs(specs: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(specs)) {
    const match = patterns.find(({ pattern }) => pattern.test(key));
    if (match === undefined) {
      const namespace = key.includes(":") ? key.split(":")[0]! : null;
      if (namespace !== null && namespaces.has(namespace)) {
        throw errors.extraSpecInvalid(key, "does not appear in the known extra specs.");
      }
      continue;
    }
    const problem = match.check(value);
    if (problem !== null) throw errors.extraSpecInvalid(key, `has the value '${value}', which ${problem}.`);
  }
}
