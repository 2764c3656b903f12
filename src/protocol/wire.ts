// Generated from spec/wire.json by `npm run generate`. Do not edit.

export const PROTOCOL_VERSION = 1;
export const ALPN = "talkbyte/1";
export const DEFAULT_PORT = 8080;
export const MAGIC = Uint8Array.of(0x54, 0x61, 0x6c, 0x6b, 0x42, 0x79, 0x74, 0x65);
export const SESSION_ID_BYTES = 16;
export const PING_BYTES = 8;
export const EXTENSION_FIRST_TYPE = 0x80;

export const FRAME_TYPE = {
  HELLO: 0x01,
  WELCOME: 0x02,
  AUTH: 0x03,
  CHALLENGE: 0x04,
  RESPONSE: 0x05,
  AUTHENTICATED: 0x06,
  REFUSED: 0x07,
  MESSAGE: 0x10,
  REPLY: 0x11,
  PING: 0x12,
  PONG: 0x13,
  STOP: 0x20,
  STOPPED: 0x21,
  GOAWAY: 0x22,
  ERROR: 0x23,
} as const;
export type FrameName = keyof typeof FRAME_TYPE;

export const ERROR_CODE = {
  "malformed": 1,
  "frame-too-large": 2,
  "unknown-type": 3,
  "unexpected-frame": 4,
  "reply-mismatch": 5,
  "unsupported-version": 6,
  "alpn-required": 7,
  "timeout": 8,
  "shutdown": 9,
  "internal": 10,
  "revoked": 11,
} as const;
export type WireErrorCode = keyof typeof ERROR_CODE;

export const REFUSAL_REASON = {
  "bad-credentials": 1,
  "mechanism-unavailable": 2,
  "busy": 3,
  "throttled": 4,
  "abandoned": 5,
} as const;
export type RefusalReason = keyof typeof REFUSAL_REASON;

export const GOAWAY_REASON = {
  "shutdown": 1,
} as const;
export type GoawayReason = keyof typeof GOAWAY_REASON;

/** Spec section 8.1. */
export const LIMIT = {
  loginFrameBytes: 4096,
  maxFrameBytesLowest: 4096,
  maxFrameBytesHighest: 16777216,
  usernameBytes: 64,
  passwordBytes: 1024,
  opaqueMemoryLowest: 19456,
  opaqueMemoryHighest: 262144,
  opaqueWorkLowest: 38912,
  opaqueWorkHighest: 1048576,
  opaqueLanesHighest: 16,
  mechanismBytes: 32,
  mechanisms: 16,
  lingerMs: 1000,
  lingerBytes: 65536,
} as const;

/** Defaults of spec section 8.2, in milliseconds. */
export const DEADLINE_MS = {
  tls: 10000,
  login: 30000,
  frame: 30000,
  idle: 300000,
  writeStall: 30000,
  drain: 10000,
} as const;

export interface FieldShape {
  readonly name: string;
  readonly type: "u8" | "u16" | "u32" | "u64" | "bytes" | "string8" | "bytes16" | "list8" | "rest";
  readonly length?: number;
  readonly codes?: "errors" | "refusals" | "goaways";
  readonly secret?: true;
  readonly fields?: readonly FieldShape[];
}

/** Each frame's layout, for programs that show frames to people. */
export const FRAME_SHAPE: Readonly<
  Record<FrameName, { readonly section: string; readonly fields: readonly FieldShape[] }>
> = {
  HELLO: {"section":"4.1","fields":[{"name":"magic","type":"bytes","length":8},{"name":"min-version","type":"u8"},{"name":"max-version","type":"u8"},{"name":"agent","type":"string8"}]},
  WELCOME: {"section":"4.2","fields":[{"name":"version","type":"u8"},{"name":"agent","type":"string8"},{"name":"max-frame-bytes","type":"u32"},{"name":"max-under-way","type":"u16"},{"name":"idle-timeout-ms","type":"u32"},{"name":"mechanisms","type":"list8","fields":[{"name":"name","type":"string8"},{"name":"parameters","type":"bytes16"}]}]},
  AUTH: {"section":"4.3","fields":[{"name":"mechanism","type":"string8"},{"name":"username","type":"string8"},{"name":"mechanism-data","type":"bytes16","secret":true}]},
  CHALLENGE: {"section":"4.4","fields":[{"name":"mechanism-data","type":"bytes16"}]},
  RESPONSE: {"section":"4.5","fields":[{"name":"mechanism-data","type":"bytes16","secret":true}]},
  AUTHENTICATED: {"section":"4.6","fields":[{"name":"session-id","type":"bytes","length":16},{"name":"mechanism-data","type":"bytes16"}]},
  REFUSED: {"section":"4.7","fields":[{"name":"reason","type":"u8","codes":"refusals"},{"name":"retry-after-ms","type":"u32"},{"name":"tries-left","type":"u8"}]},
  MESSAGE: {"section":"4.8","fields":[{"name":"id","type":"u32"},{"name":"payload","type":"rest"}]},
  REPLY: {"section":"4.9","fields":[{"name":"id","type":"u32"},{"name":"payload","type":"rest"}]},
  PING: {"section":"4.10","fields":[{"name":"data","type":"bytes","length":8}]},
  PONG: {"section":"4.11","fields":[{"name":"data","type":"bytes","length":8}]},
  STOP: {"section":"4.12","fields":[]},
  STOPPED: {"section":"4.13","fields":[{"name":"accepted","type":"u64"}]},
  GOAWAY: {"section":"4.14","fields":[{"name":"reason","type":"u8","codes":"goaways"},{"name":"drain-ms","type":"u32"}]},
  ERROR: {"section":"4.15","fields":[{"name":"code","type":"u8","codes":"errors"},{"name":"min-version","type":"u8"},{"name":"max-version","type":"u8"},{"name":"detail","type":"string8"}]},
};
