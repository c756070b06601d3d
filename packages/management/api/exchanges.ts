// Exchanges.
import { bindingStatuses, bindingsTo, exchangeStatus, type VirtualHost } from "@micronova/amqp";
import { act } from "../desk.ts";
import { argumentsField, flagField, shortText, textField } from "../fields.ts";
import {
  type Asked,
  byName,
  found,
  hostOf,
  hostsOf,
  list,
  noContent,
  pages,
  param,
  put,
  type Result,
  type Route,
  route,
  value,
} from "../routes.ts";
import { bindingView } from "./bindings.ts";
import { someStats } from "./stats.ts";

type Exchange = VirtualHost["defaultExchange"];

export const exchangeRoutes: readonly Route[] = [
  route("GET", "/exchanges", "management", (asked) => exchangePages(asked, hostsOf(asked))),
  route("GET", "/exchanges/:vhost", "host", (asked) => exchangePages(asked, [hostOf(asked)])),
  route("GET", "/exchanges/:vhost/:exchange", "host", (asked) => {
    const exchange = found(exchangeOf(asked));
    return value({ ...exchangeView(asked, hostOf(asked), exchange), incoming: [], outgoing: [] });
  }),
  route("PUT", "/exchanges/:vhost/:exchange", "host", async (asked) => {
    const body = await asked.json();
    const isNew = exchangeOf(asked) === null;
    act(asked, (desk) =>
      desk.declareExchange({
        name: shortText(exchangeName(asked)),
        type: textField(body, "type", "direct"),
        durable: flagField(body, "durable"),
        autoDelete: flagField(body, "auto_delete"),
        internal: flagField(body, "internal"),
        arguments: argumentsField(body),
      }),
    );
    return put(isNew);
  }),
  route("DELETE", "/exchanges/:vhost/:exchange", "host", (asked) => {
    const { name } = found(exchangeOf(asked));
    const ifUnused = asked.query.get("if-unused") === "true";
    act(asked, (desk) => desk.deleteExchange(name, { ifUnused }));
    return noContent;
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

function exchangePages(asked: Asked, hosts: readonly VirtualHost[]): Result {
  const exchanges = hosts.flatMap((host) =>
    [host.defaultExchange, ...host.exchanges]
      .sort(byName)
      .map((exchange) => ({ name: exchange.name, host, exchange })),
  );
  return pages(exchanges, ({ host, exchange }) => exchangeView(asked, host, exchange));
}

function exchangeView({ rates }: Asked, host: VirtualHost, exchange: Exchange) {
  const { message_stats: stats, ...facts } = exchangeStatus(host.name, exchange);
  const policy = exchange.policy === null ? {} : { policy: exchange.policy.name };
  return {
    ...facts,
    ...policy,
    ...someStats(Object.values(stats), () => rates.detailed(stats, { ...stats })),
  };
}

/** Paths call the default exchange by a name that nobody else may have. */
export const exchangeName = (asked: Asked): string => {
  const name = param(asked, "exchange");
  return name === "amq.default" ? "" : name;
};

function exchangeOf(asked: Asked): Exchange | null {
  const host = hostOf(asked);
  const name = exchangeName(asked);
  return name === "" ? host.defaultExchange : host.findExchange(name);
}
