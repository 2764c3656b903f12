// The profile for which spec/cases.json is resolved. Its deadlines are short, so that a whole run takes minutes at
// most; its limits are our defaults, large enough that a client which doesn't read while it writes gets stuck.

import { parseProfile, type Profile } from "../exchange/profile.ts";

export const referenceProfile: Profile = parseProfile({
  username: "alice",
  password: "correct horse battery",
  "wrong-password": "wrong battery staple",
  "unknown-username": "Alice",
  "disabled-username": "mallory",
  "disabled-password": "correct horse battery",
  "opaque-username": "alice",
  tries: 3,
  "max-frame-bytes": 1_048_581,
  "max-under-way": 256,
  "login-ms": 2000,
  "frame-ms": 1000,
  "idle-ms": 2000,
  "write-stall-ms": 2000,
  "drain-ms": 1700,
  "tls-ms": 1000,
  "slack-ms": 500,
});
