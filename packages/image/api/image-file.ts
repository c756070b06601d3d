// `/v2/images/:image_id/file`: an image's bytes, in and out, streamed.
import { type ApiRequest, reply } from "@micronova/http";
import { imageErrors } from "../errors.ts";
import { get } from "../images.ts";
import { openImage, uploadImage } from "../uploads.ts";
import { route } from "./route.ts";

// Fewer, larger reads than the default of 64 KiB; one of them is in memory for each download.
const readBytes = 256 * 1024;

export const uploadFile = route({
  method: "PUT",
  path: "/v2/images/:image_id/file",
  policy: "upload_image",
  body: "stream",
  accepts: ["application/octet-stream"],
  success: 204,
  summary: "Uploads an image's data.",
  async handle({ params, context, headers, stream }, deps) {
    const size = sizeOf(headers);
    await uploadImage(deps, context, { id: params["image_id"]!, stream, size });
  },
});

export const downloadFile = route({
  method: "GET",
  path: "/v2/images/:image_id/file",
  policy: "download_image",
  success: 200,
  summary: "Downloads an image's data, or a range of it.",
  async handle({ params, context, headers }, deps) {
    const image = await get(deps.store.read, context, params["image_id"]!);
    const file = await openImage(deps, context, image);
    if (file === null) return reply({ status: 204, body: null });
    const size = image.size ?? 0;
    const range = rangeOf(headers["range"], size);
    if (range === "outside") {
      await file.close();
      throw imageErrors.rangeInvalid(size);
    }
    const { start, end } = range ?? { start: 0, end: size - 1 };
    // An empty file has no last byte to name.
    const bytes = file.createReadStream(size === 0 ? {} : { start, end, highWaterMark: readBytes });
    return reply({
      status: range === null ? 200 : 206,
      headers: {
        "Content-Type": "application/octet-stream",
        "Content-Length": String(end - start + 1),
        ...(range === null ? { "Content-MD5": image.checksum ?? "" } : {}),
        ...(range === null ? {} : { "Content-Range": `bytes ${start}-${end}/${size}` }),
      },
      body: bytes,
    });
  },
});

/** What the client says the size is: the length of an unchunked body, or Glance's own header. */
function sizeOf(headers: ApiRequest<never, never>["headers"]): number | null {
  const said = headers["x-openstack-image-size"] ?? headers["content-length"];
  return said !== undefined && /^\d{1,15}$/.test(said) ? Number(said) : null;
}

/** One range of bytes, both ends included; null for none or several, which a server may ignore. */
function rangeOf(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | "outside" | null {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return null;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? "outside" : { start, end };
}
