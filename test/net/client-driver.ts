// The application of our client as the exchanges want it: it does what an `app` step says and judges nothing.

import type { Driver } from "../../src/conformance/play/link.ts";
import { openClient, type Client } from "../../src/net/client.ts";
import type { TrustOptions } from "../../src/net/trust.ts";

export class ClientDriver implements Driver {
  readonly #port: number;
  readonly #fingerprint: string | undefined;
  #client: Promise<Client> | undefined;

  /** Without a fingerprint: plaintext; "none": TLS to a stranger. */
  constructor(port: number, fingerprint: string | undefined) {
    this.#port = port;
    this.#fingerprint = fingerprint;
  }

  async login(credentials: { username: string; password: string }): Promise<void> {
    const security =
      this.#fingerprint === undefined ? { plaintext: true } : { trust: this.#trust(this.#fingerprint) };
    this.#client ??= openClient({ host: "127.0.0.1", port: this.#port, ...security });
    await (await this.#client).login(credentials);
  }

  async send(payload: Uint8Array): Promise<void> {
    await (await this.#opened()).send(payload);
  }

  async ping(): Promise<void> {
    await (await this.#opened()).ping();
  }

  async stop(): Promise<void> {
    await (await this.#opened()).stop();
  }

  async end(): Promise<void> {
    (await this.#opened()).endStream();
  }

  close(): void {
    this.#client?.then(
      (client) => client.close(),
      () => undefined,
    );
  }

  #trust(fingerprint: string): TrustOptions {
    return fingerprint === "none" ? {} : { fingerprint };
  }

  async #opened(): Promise<Client> {
    if (this.#client === undefined) throw new Error("the application has not logged in");
    return await this.#client;
  }
}
