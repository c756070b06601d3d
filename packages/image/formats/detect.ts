// Tells a disk image's format by its own marks, as QEMU's drivers do when they probe.
import type { FileHandle } from "node:fs/promises";

interface Mark {
  readonly format: string;
  readonly offset: number;
  readonly bytes: Buffer;
}

const text = (format: string, offset: number, mark: string): Mark => ({
  format,
  offset,
  bytes: Buffer.from(mark, "latin1"),
});

// Raw has no mark: it is what none of these is.
const marks: readonly Mark[] = [
  text("qcow2", 0, "QFI\xfb"),
  text("qed", 0, "QED\0"),
  text("vmdk", 0, "KDMV"),
  text("vmdk", 0, "COWD"),
  text("vmdk", 0, "# Disk DescriptorFile"),
  text("vhdx", 0, "vhdxfile"),
  text("vhd", 0, "conectix"),
  text("vdi", 0x40, "\x7f\x10\xda\xbe"),
  text("luks", 0, "LUKS\xba\xbe"),
  text("ploop", 0, "WithoutFreeSpace"),
  text("ploop", 0, "WithouFreSpacExt"),
  text("iso", 0x8001, "CD001"),
];

// Covers every mark above.
const headBytes = 0x8001 + 5;

/** The format whose mark the file bears, or `raw`. */
export async function detectFormat(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  const head = buffer.subarray(0, bytesRead);
  const found = marks.find(({ offset, bytes }) => head.subarray(offset, offset + bytes.length).equals(bytes));
  return found?.format ?? "raw";
}
