// The public library.

export { connect, openClient, Client } from "./net/client.ts";
export type { Credentials, OpenOptions, SendOptions, Timings } from "./net/client.ts";
export { createServer, Server } from "./net/server.ts";
export type { ListenOptions, ServerOptions } from "./net/server.ts";
export type { OnMessage, Reply, SessionInfo } from "./net/handler.ts";
export type { ServerStats } from "./net/counters.ts";
export type { Admission, Verdict } from "./auth/admission.ts";
export type { Source } from "./auth/source.ts";
export type { Log } from "./net/server-context.ts";
export { SERVER_LIMITS, serverLimits, type ServerLimits } from "./net/limits.ts";
export {
  IdentityError,
  makeIdentity,
  openIdentity,
  parseIdentity,
  readIdentity,
  type Identity,
} from "./net/identity.ts";
export { KnownServers, KnownServersError, type KnownServer, type LearntServer } from "./net/known-servers.ts";
export {
  NotTrustedError,
  type Distrust,
  type MissingOffer,
  type TrustOptions,
  type Voucher,
} from "./net/trust.ts";
export { UsersFile, type UsersFileEvents, type UsersSource } from "./auth/users-source.ts";
export { preparePassword, type PreparedPassword } from "./credentials/password.ts";
export type { User } from "./credentials/users-schema.ts";
export type { UsersSnapshot } from "./credentials/users-file.ts";
export { createOpaqueSetup, enrol } from "./auth/opaque-enrolment.ts";
export type { Enrolment } from "./credentials/opaque-record.ts";
export type { OpaqueSetup } from "./credentials/opaque-setup.ts";
export { ensureOpaqueSetup, readOpaqueSetup, replaceOpaqueSetup } from "./credentials/opaque-setup-file.ts";
export { hashPassword } from "./credentials/verifier.ts";
export type { GreaseRate } from "./net/grease.ts";
export type { Tap } from "./net/transport.ts";
export type { Welcome } from "./protocol/login-frames.ts";
export type { Goaway } from "./protocol/session-frames.ts";
export { CredentialError, type CredentialErrorCode } from "./credentials/error.ts";
export { TalkByteError, type ErrorCode, type ErrorSide, type Refusal } from "./protocol/error.ts";
export type { Payload } from "./protocol/payload.ts";
