// The page of the configuration: a row for each setting, from the schema that checks the file.
import { code, page, table } from "./markdown.ts";

/** What the schema library leaves of a setting as plain JSON Schema. */
interface Setting {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Setting>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
}

export function configurationPage(schema: object): string {
  return page(
    "Configuration",
    "The file of `--config` is TOML; `virt.driver` is the key `driver` under `[virt]`. Flags of the command line lie over it, " +
      "and an unknown key is refused. All settings are optional; `data_dir` always comes from `--data-dir`.",
    table(["Setting", "Is", "Default", "What for"], settingRows(schema)),
  );
}

export function settingRows(group: Setting, prefix = ""): string[][] {
  return Object.entries(group.properties ?? {}).flatMap(([name, setting]) => {
    const path = prefix + name;
    if (setting.properties !== undefined) return settingRows(setting, `${path}.`);
    const help = setting.description ?? group.description ?? "";
    return [[code(path), kind(setting), fallback(setting), help]];
  });
}

function kind({ type, enum: words, minimum, maximum }: Setting): string {
  if (words !== undefined) return words.map(code).join(", ");
  if (type === "boolean") return "`true` or `false`";
  if (type === "array") return "a list of texts";
  if (type !== "integer" && type !== "number") return "text";
  const range = [
    minimum === undefined ? "" : `from ${minimum}`,
    maximum === undefined ? "" : `to ${maximum}`,
  ];
  return ["a number", ...range.filter((part) => part !== "")].join(" ");
}

function fallback(setting: Setting): string {
  if (setting.default === undefined) return "–";
  return code(Array.isArray(setting.default) ? JSON.stringify(setting.default) : String(setting.default));
}
