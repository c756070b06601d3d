// Keeps a server that moves to hosts of its own kind of hypervisor. QEMU's guests start with and without KVM.
import { type Filter, plainReason } from "../filter.ts";

const families: Readonly<Record<string, string>> = { KVM: "QEMU" };
const familyOf = (type: string) => families[type] ?? type;

export const hypervisorFilter: Filter = {
  name: "HypervisorFilter",
  reject({ hypervisorType }, { hypervisorType: wanted }) {
    if (wanted === undefined || familyOf(hypervisorType) === familyOf(wanted)) return null;
    return plainReason(`runs ${hypervisorType}, and the server ${wanted}`, "of another hypervisor");
  },
};
