// Definitions, out and in.
import { definitionsOf, definitionsOfHost, importAll, importInto } from "../definitions.ts";
import { hostOf, noContent, type Route, route, value } from "../routes.ts";

export const definitionRoutes: readonly Route[] = [
  route("GET", "/definitions", "administrator", ({ broker }) => value(definitionsOf(broker))),
  route("POST", "/definitions", "administrator", async (asked) => {
    importAll(asked.broker, await asked.json());
    return noContent;
  }),
  route("GET", "/definitions/:vhost", "administrator", (asked) => value(definitionsOfHost(hostOf(asked)))),
  route("POST", "/definitions/:vhost", "administrator", async (asked) => {
    importInto(asked.broker, hostOf(asked), await asked.json());
    return noContent;
  }),
];
