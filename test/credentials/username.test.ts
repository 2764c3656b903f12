import { describe, expect, it } from "vitest";

import { checkUsername, isUsername } from "../../src/credentials/username.ts";

describe("usernames", () => {
  it.each(["a", "alice", "Alice@example.org", "!", "~", "__proto__", "-x", "x".repeat(64)])(
    "takes %s",
    (name) => {
      expect(isUsername(name)).toBe(true);
      expect(() => checkUsername(name)).not.toThrow();
    },
  );

  it.each([
    ["an empty one", "", "empty"],
    ["65 characters", "x".repeat(65), "65 characters"],
    ["a space", "alice smith", "printable ASCII"],
    ["DEL", "alice\u007f", "printable ASCII"],
    ["a terminal escape", "\u001b[2Jalice", "printable ASCII"],
    ["a line feed at the end", "alice\n", "printable ASCII"],
    ["letters beyond ASCII", "älice", "printable ASCII"],
  ])("refuses %s", (_, name, reason) => {
    expect(isUsername(name)).toBe(false);
    expect(() => checkUsername(name)).toThrow(expect.objectContaining({ code: "username-invalid" }));
    expect(() => checkUsername(name)).toThrow(reason);
  });

  it("doesn't repeat a name that it refuses, which may hold anything", () => {
    for (const name of ["\u001b[2Jalice", "alice smith", "x".repeat(65)]) {
      expect(() => checkUsername(name)).not.toThrow(name);
    }
  });
});
