// What the peers of the galleries and the runner that plays against them agree on.

import { parseProfile, type Profile } from "../../src/conformance/exchange/profile.ts";
import type { PeerSettings } from "./mutant.ts";

export const gallerySettings = {
  username: "alice",
  password: "correct horse battery",
  disabledUsername: "mallory",
  /** The frame deadline is half of the others, and twice the slack, so that none passes for another. */
  limits: {
    loginMs: 2000,
    frameMs: 1000,
    idleMs: 2000,
    maxFrameBytes: 65_536,
    maxUnderWay: 32,
    lingerMs: 200,
    tries: 3,
    verifyQueueLength: 1000,
    verifyQueueMs: 60_000,
  },
  slackMs: 450,
} as const;

export function galleryProfile({ limits = {} }: PeerSettings): Profile {
  const { username, password, disabledUsername, slackMs } = gallerySettings;
  const { tries, maxFrameBytes, maxUnderWay, loginMs, frameMs, idleMs } = {
    ...gallerySettings.limits,
    ...limits,
  };
  return parseProfile({
    username,
    password,
    "wrong-password": "wrong battery staple",
    "unknown-username": "nobody",
    "disabled-username": disabledUsername,
    "disabled-password": password,
    tries,
    "max-frame-bytes": maxFrameBytes,
    "max-under-way": maxUnderWay,
    "login-ms": loginMs,
    "frame-ms": frameMs,
    "idle-ms": idleMs,
    "slack-ms": slackMs,
  });
}
