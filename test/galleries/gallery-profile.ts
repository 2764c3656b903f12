// What the peers of the galleries and the runner that plays against them agree on.

import { parseProfile, type Profile } from "../../src/conformance/exchange/profile.ts";
import type { Role } from "../../src/conformance/exchange/exchange-checks.ts";
import type { PeerSettings } from "./mutant.ts";

export const gallerySettings = {
  username: "alice",
  password: "correct horse battery",
  disabledUsername: "mallory",
  /** The frame deadline is half of the others, and twice the slack, so that none passes for another. */
  limits: {
    tlsMs: 1500,
    loginMs: 2000,
    frameMs: 1000,
    idleMs: 2000,
    drainMs: 1700,
    maxFrameBytes: 65_536,
    maxUnderWay: 32,
    lingerMs: 200,
    tries: 3,
    verifyQueueLength: 1000,
    verifyQueuePerSource: 1000,
    verifyQueueMs: 60_000,
  },
  slackMs: 450,
} as const;

/** What the runner announces to a client: too much for the buffers between the two, so that one must read. */
const announced = { maxFrameBytes: 1_048_581 };

export function galleryProfile(role: Role, { limits = {} }: PeerSettings): Profile {
  const { username, password, disabledUsername, slackMs } = gallerySettings;
  const { tries, maxFrameBytes, maxUnderWay, tlsMs, loginMs, frameMs, idleMs, drainMs } = {
    ...gallerySettings.limits,
    ...(role === "client" ? announced : {}),
    ...limits,
  };
  return parseProfile({
    username,
    password,
    "wrong-password": "wrong battery staple",
    "unknown-username": "Alice",
    "disabled-username": disabledUsername,
    "disabled-password": password,
    "opaque-username": username,
    tries,
    "max-frame-bytes": maxFrameBytes,
    "max-under-way": maxUnderWay,
    "tls-ms": tlsMs,
    "login-ms": loginMs,
    "frame-ms": frameMs,
    "idle-ms": idleMs,
    "drain-ms": drainMs,
    "slack-ms": slackMs,
  });
}
