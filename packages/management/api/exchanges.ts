// Exchanges.
import { bindingStatuses, bindingsTo, exchangeStatus, type VirtualHost } from "@micronova/amqp";
import {
  type Asked,
  byName,
  found,
  hostOf,
  hostsOf,
  type JsonObject,
  list,
  pages,
  param,
  type Route,
  route,
  value,
} from "../routes.ts";
import { bindingView } from "./bindings.ts";
import { someStats } from "./stats.ts";

type Exchange = VirtualHost["defaultExchange"];

export const exchangeRoutes: readonly Route[] = [
  route("GET", "/exchanges", "management", (asked) =>
    pages(hostsOf(asked).flatMap((host) => exchangesIn(asked, host))),
  ),
  route("GET", "/exchanges/:vhost", "host", (asked) => pages(exchangesIn(asked, hostOf(asked)))),
  route("GET", "/exchanges/:vhost/:exchange", "host", (asked) => {
    const exchange = found(exchangeOf(asked));
    return value({ ...exchangeView(asked, hostOf(asked), exchange), incoming: [], outgoing: [] });
  }),
  route("GET", "/exchanges/:vhost/:exchange/bindings/source", "host", (asked) => {
    const name = exchangeName(asked);
    const bindings = bindingStatuses(hostOf(asked)).filter(({ source }) => source === name);
    return list(bindings.map(bindingView));
  }),
  route("GET", "/exchanges/:vhost/:exchange/bindings/destination", "host", (asked) => {
    const exchange = exchangeOf(asked);
    return list(exchange === null ? [] : bindingsTo(hostOf(asked).name, exchange).map(bindingView));
  }),
];

function exchangesIn(asked: Asked, host: VirtualHost): readonly JsonObject[] {
  return [host.defaultExchange, ...host.exchanges]
    .map((exchange) => exchangeView(asked, host, exchange))
    .sort(byName);
}

function exchangeView({ rates }: Asked, host: VirtualHost, exchange: Exchange) {
  const { message_stats: stats, ...facts } = exchangeStatus(host.name, exchange);
  return { ...facts, ...someStats(Object.values(stats), () => rates.detailed(stats, { ...stats })) };
}

/** Paths call the default exchange by a name that nobody else may have. */
const exchangeName = (asked: Asked): string => {
  const name = param(asked, "exchange");
  return name === "amq.default" ? "" : name;
};

function exchangeOf(asked: Asked): Exchange | null {
  const host = hostOf(asked);
  const name = exchangeName(asked);
  return name === "" ? host.defaultExchange : host.findExchange(name);
}
