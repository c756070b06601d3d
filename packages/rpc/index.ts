// Calls over a Bus: `call` waits for an answer, `cast` does not, `announce` reaches every listener.
export { type BusRpcDeps, busRpc } from "./bus-rpc.ts";
export {
  type CallInfo,
  type CallOptions,
  type Calls,
  type CastCalls,
  type Contract,
  contract,
  type Fence,
  type FenceStore,
  type Handlers,
  type Method,
  method,
  type Rpc,
  type ServeOptions,
  type Topic,
  topic,
} from "./contract.ts";
export { rpcErrors, wasUnanswered } from "./errors.ts";
export { memoryFences } from "./fences.ts";
export { type FileFences, fileFences } from "./file-fences.ts";
export {
  busNotifier,
  type Notification,
  type NotificationPriority,
  type Notifier,
  type NotifierDeps,
} from "./notifier.ts";
export { osloEnvelope } from "./oslo-envelope.ts";
export { type WorkerRights, workerRights } from "./worker-rights.ts";
