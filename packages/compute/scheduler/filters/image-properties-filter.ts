// Passes hosts that run the image's CPU architecture and, where the image names one, its hypervisor.
import type { Filter } from "../filter.ts";

export const imagePropertiesFilter: Filter = {
  name: "ImagePropertiesFilter",
  reject({ architectures, hypervisorType }, { imageProperties: image }) {
    const architecture = image["hw_architecture"] ?? image["architecture"];
    if (architecture !== undefined && !architectures.includes(canonical(architecture))) {
      const available = architectures.join(", ");
      const text = `runs ${available}, the image needs ${architecture}`;
      return { text, cause: "of another CPU architecture", wanted: architecture, available, unit: null };
    }
    const hypervisor = image["img_hv_type"] ?? image["hypervisor_type"];
    if (hypervisor === undefined || hypervisor.toLowerCase() === hypervisorType.toLowerCase()) return null;
    const text = `has hypervisor ${hypervisorType}, the image needs ${hypervisor}`;
    return {
      text,
      cause: "with another hypervisor",
      wanted: hypervisor,
      available: hypervisorType,
      unit: null,
    };
  },
};

// Other names of the same architectures, as Nova takes them.
const aliases: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  x64: "x86_64",
  arm64: "aarch64",
  i386: "i686",
  x86: "i686",
};

function canonical(architecture: string): string {
  const name = architecture.toLowerCase();
  return aliases[name] ?? name;
}
