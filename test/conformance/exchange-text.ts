// Exchange files for tests, written inline: the head is always the same.

import { parseExchange, type Exchange } from "../../src/conformance/exchange/exchange.ts";

export function exchangeText(steps: string, head = ""): string {
  return `id: made-up\ntitle: Made up for a test\ncovers: [TB-DEMO-1]\n${head}steps:\n${steps.trim()}\n`;
}

export function exchangeOf(steps: string, head = ""): Exchange {
  return parseExchange(exchangeText(steps, head), "made-up.yaml");
}

export const login = `
- app: { login: { username: $username, password: $password } }
- C: { HELLO: $any }
- S: { WELCOME: $any }
- C: { AUTH: { mechanism: PASSWORD, username: $username, mechanism-data: $password } }
- S: { AUTHENTICATED: $any }
`;

export const serverLogin = login.replace(/- app.*\n/, "");
