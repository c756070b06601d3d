// The door for hosts: images' bytes where the APIs are elsewhere, without the rows and the API.
export type { ImageBytes } from "./image-bytes.ts";
export { type ImageCache, type ImageCacheOptions, imageCache } from "./image-cache.ts";
