// What the sagas of one call share: the host does it, then the state says so; when it fails, the state says
// that.
import type { Uuid } from "@micronova/kit";
import type { Calls } from "@micronova/rpc";
import { type Saga, type StepEnv, saga } from "@micronova/saga";
import { fail, finish } from "../server-state.ts";
import type { ServerAction } from "../states.ts";
import { computeWorkerContract } from "../worker/contract.ts";
import { faultOf } from "./fault-of.ts";

export interface ServerActionParams {
  readonly serverId: Uuid;
  readonly host: string;
}

type Call = (
  worker: Calls<typeof computeWorkerContract>,
  params: ServerActionParams,
  env: StepEnv,
) => Promise<unknown>;

/** A saga of one call to the server's host. */
export function simpleAction(name: string, action: ServerAction, call: Call): Saga<ServerActionParams> {
  return saga<ServerActionParams>(name)
    .remote("host", {
      do: async (env, { params }) => {
        await call(env.rpc.on(computeWorkerContract, params.host), params, env);
      },
    })
    .local("finish", {
      do: async (tx, { params }) => {
        await finish(tx, params.serverId, action);
      },
    })
    .onUnwound(async (tx, context) => {
      await fail(tx, context.params.serverId, action, faultOf(context.cause, context));
    })
    .build();
}
