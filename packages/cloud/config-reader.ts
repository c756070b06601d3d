// Reads the configuration in a process that ends: the library of schemas takes a seventh of what a worker is,
// and is not needed afterwards.
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { isFault } from "@micronova/kit";
import type { CloudConfig, CloudOverrides } from "./config.ts";
import { errors } from "./errors.ts";

export interface ConfigSources {
  readonly overrides: CloudOverrides;
  readonly path?: string;
}

type Told = { readonly config: CloudConfig } | { readonly refused: string };

const ownPath = fileURLToPath(import.meta.url);

export async function readCloudConfig(sources: ConfigSources): Promise<CloudConfig> {
  const child = spawn(process.execPath, [ownPath], { stdio: ["pipe", "pipe", "inherit"] });
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  child.stdin.end(JSON.stringify(sources));
  const said = await Promise.race([text(child.stdout), failed]);
  if (said === "") throw new Error("the configuration's reader ended without a word");
  // What it says is of this type: it is the function below.
  const told = JSON.parse(said) as Told;
  if ("refused" in told) throw errors.badConfig(told.refused);
  return told.config;
}

async function read(sources: ConfigSources): Promise<Told> {
  const { readConfig } = await import("@micronova/kit/config");
  const { cloudConfig } = await import("./config.ts");
  try {
    return { config: readConfig(cloudConfig, sources) };
  } catch (error) {
    if (isFault(error)) return { refused: error.message };
    throw error;
  }
}

if (process.argv[1] === ownPath)
  process.stdout.write(JSON.stringify(await read(JSON.parse(await text(process.stdin)))));
