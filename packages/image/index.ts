// Images: what servers and volumes are made of.
export { imageErrors } from "./errors.ts";
export { type ImageBytes, imageBytes, imageBytesOf, imageDataPath } from "./image-bytes.ts";
export { imageDataService } from "./image-data-service.ts";
export { type ImageFiles, imageFiles, type Received } from "./image-files.ts";
export { type ImageSource, imageSource } from "./image-source.ts";
export type { Image, ImageAttributes, ImageChange, NewImage } from "./images.ts";
export * as images from "./images.ts";
export { imageInvariants } from "./invariants.ts";
export { imageMigrations } from "./migrations.ts";
export { imageService } from "./service.ts";
export { type ImageStatus, imageStates } from "./states.ts";
export type { ImageTable } from "./tables.ts";
export { imageSweeper, type Upload, uploadImage } from "./uploads.ts";
