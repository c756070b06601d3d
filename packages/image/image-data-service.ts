// Hands images' bytes to hosts that come with a signed address: whole, or from where they broke off.
import type { Answer, HttpService } from "@micronova/http";
import { isUuid } from "@micronova/kit";
import type { ImageDeps } from "./deps.ts";
import { isSigned } from "./image-bytes.ts";
import { dataUse } from "./states.ts";

// As for downloads by users: one read of each is in memory.
const readBytes = 256 * 1024;

export function imageDataService(deps: ImageDeps): Pick<HttpService, "name" | "answer"> {
  return {
    name: "image-data",
    async answer({ log }, { method, path, query, headers }) {
      const id = path.slice(1);
      if (method !== "GET") return refusal(405, "Bytes of images are only read here.");
      try {
        const search = new URLSearchParams(query);
        if (!isUuid(id) || !(await isSigned(deps.store.read, id, search)))
          return refusal(403, "The address is not signed by this cloud, or is too old.");
        return await bytesOf(deps, id, headers["range"]);
      } catch (error) {
        log.error({ imageId: id, error }, "an image's bytes could not be read");
        return refusal(500, "The image's bytes could not be read.");
      }
    },
  };
}

async function bytesOf({ store, files }: ImageDeps, id: string, range: string | undefined): Promise<Answer> {
  const image = await store.read
    .selectFrom("images")
    .select(["size", "status"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (image === undefined || image.size === null || dataUse[image.status] === "none")
    return refusal(404, "The image is gone.");
  const { size } = image;
  const [, first] = /^bytes=(\d{1,15})-$/.exec(range ?? "") ?? [];
  const start = Number(first ?? 0);
  if (start > size) return refusal(416, `The image has ${size} bytes.`);
  const length = { "Content-Type": "application/octet-stream", "Content-Length": String(size - start) };
  const file = await files.open(id);
  // A file has no byte behind its last to begin with.
  const body = start === size ? Buffer.alloc(0) : file.createReadStream({ start, highWaterMark: readBytes });
  if (Buffer.isBuffer(body)) await file.close();
  return first === undefined
    ? { status: 200, headers: length, body }
    : { status: 206, headers: { ...length, "Content-Range": `bytes ${start}-${size - 1}/${size}` }, body };
}

function refusal(status: number, text: string): Answer {
  return { status, headers: { "Content-Type": "text/plain; charset=utf-8" }, body: `${text}\n` };
}
