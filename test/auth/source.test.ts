// Which addresses are one source, and which networks are exempt from penalties.

import { expect, test } from "vitest";

import { parseNetworks, sourceOf } from "../../src/auth/source.ts";

const NONE = parseNetworks([]);

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["::FFFF:c000:0207", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2::", "2001:db8:1:2::/64"],
  ["2001:0db8:0001:0002:ffff::1", "2001:db8:1:2::/64"],
  ["2001:db8::1:2:3", "2001:db8:0:0::/64"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8:0:0::/64"],
  ["0:0:0:5::", "0:0:0:5::/64"],
  ["1::", "1:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["::", "0:0:0:0::/64"],
  ["::2:3:4:5:6:7:8", "0:2:3:4::/64"],
  ["::192.0.2.7", "0:0:0:0::/64"],
  ["64:ff9b:1:2:3:4:192.0.2.7", "64:ff9b:1:2::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  [undefined, "local"],
  ["", "local"],
  ["/run/talkbyte.sock", "local"],
])("%s is the source %s", (address, key) => {
  expect(sourceOf(address, NONE)).toMatchObject({ key, exempt: false });
});

test("logs show the address itself, an IPv4 address as one", () => {
  expect(sourceOf("::ffff:192.0.2.7", NONE).address).toBe("192.0.2.7");
  expect(sourceOf("2001:DB8::7", NONE).address).toBe("2001:db8::7");
});

test("networks are exempt as they are named, loopback as little as others", () => {
  const exempt = parseNetworks(["192.0.2.128/25", "10.1.2.3", "2001:db8::/32", "::1/128"]);
  const isExempt = (address: string): boolean => sourceOf(address, exempt).exempt;
  for (const address of ["192.0.2.128", "::ffff:192.0.2.255", "10.1.2.3", "2001:db8:ffff::1", "::1"])
    expect(isExempt(address), address).toBe(true);
  for (const address of ["192.0.2.127", "10.1.2.4", "2001:db9::1", "::2", "127.0.0.1"])
    expect(isExempt(address), address).toBe(false);
  expect(sourceOf("127.0.0.1", NONE).exempt).toBe(false);
  expect(sourceOf("::1", NONE).exempt).toBe(false);
});

test.each([
  "",
  "/8",
  "10.0.0.0/",
  "10.0.0.0/33",
  "::/129",
  "10.0.0/8",
  "localhost",
  "fe80::1%eth0/64",
  "10.0.0.0/8 ",
])("%j is no network", (text) => {
  expect(() => parseNetworks(["10.0.0.0/8", text])).toThrow(RangeError);
});

test("an IPv4 network in the guise of IPv6 would never match, and is refused", () => {
  expect(() => parseNetworks(["::ffff:127.0.0.0/104"])).toThrow("is written as IPv4");
});
