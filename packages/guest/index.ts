// The tiny guest: a bootable image of a real Linux, built from Debian's packages, for demos and tests.
export { buildGuestImage, type GuestImage, type GuestOptions } from "./build.ts";
export { guestErrors } from "./errors.ts";
export { guestCommandLine } from "./recipe.ts";
