// The door for services that are none of OpenStack's: sockets, the router and bodies as text, without the
// library of schemas, which takes longer to load than such a service.
export { httpErrors } from "./errors.ts";
export { listen } from "./listen.ts";
export { router } from "./router.ts";
export type { Answer, Incoming } from "./service.ts";
export { readText } from "./text.ts";
