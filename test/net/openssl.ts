// OpenSSL's own client and server, which know nothing of Node, and certificates that it makes.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";

const run = promisify(execFile);

/** One run of openssl: what it has printed so far, and a way to wait for more. */
export class OpensslProcess {
  readonly #child;
  output = "";
  #exited = false;
  #waiting: (() => void)[] = [];

  constructor(parameters: readonly string[]) {
    this.#child = spawn("openssl", parameters, { stdio: ["pipe", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.output += chunk.toString("latin1");
        this.#wake();
      });
    }
    this.#child.stdin.on("error", () => undefined);
    this.#child.on("close", () => {
      this.#exited = true;
      this.#wake();
    });
    onTestFinished(async () => {
      if (this.#exited) return;
      this.#child.kill("SIGKILL");
      await once(this.#child, "close");
    });
  }

  write(bytes: Uint8Array): void {
    this.#child.stdin.write(bytes);
  }

  end(): void {
    this.#child.stdin.end();
  }

  /** Waits until the output matches; throws when the process ends first. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) return match;
      if (this.#exited) throw new Error(`openssl ended without ${pattern}:\n${this.output}`);
      await this.#wait();
    }
  }

  /** Everything that it printed, once it has ended. */
  async finished(): Promise<string> {
    while (!this.#exited) await this.#wait();
    return this.output;
  }

  async #wait(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

export function opensslClient(port: number, ...parameters: readonly string[]): OpensslProcess {
  return new OpensslProcess(["s_client", "-connect", `127.0.0.1:${port}`, ...parameters]);
}

export interface KeyAndCertificate {
  readonly key: string;
  readonly cert: string;
}

/** A P-256 key with a certificate for these names, signed by `issuer` or by itself. */
export async function makeCertificate(
  folder: string,
  name: string,
  { alternativeNames = "DNS:localhost", issuer }: { alternativeNames?: string; issuer?: string } = {},
): Promise<KeyAndCertificate> {
  const [keyPath, certPath] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const signer =
    issuer === undefined
      ? []
      : ["-CA", join(folder, `${issuer}.crt`), "-CAkey", join(folder, `${issuer}.key`)];
  const extensions =
    issuer === undefined && alternativeNames === "" ? [] : ["-addext", `subjectAltName=${alternativeNames}`];
  await run("openssl", [
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30".split(" "),
    "-subj",
    `/CN=${name}`,
    "-keyout",
    keyPath,
    "-out",
    certPath,
    ...(issuer === undefined ? [] : ["-addext", "basicConstraints=critical,CA:FALSE"]),
    ...extensions,
    ...signer,
  ]);
  return { key: await readFile(keyPath, "utf8"), cert: await readFile(certPath, "utf8") };
}
