// A server's TLS identity: a key and a certificate, read from files or made on first run. What clients pin is
// the SHA-256 of the public key (spec section 11.2), so a renewed certificate for the same key changes nothing
// for them.

import {
  createHash,
  createPrivateKey,
  KeyObject,
  webcrypto,
  X509Certificate,
  type KeyObject as Key,
} from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { writeFileAtomic } from "../credentials/atomic-file.ts";

export interface Identity {
  /** PEM. */
  readonly key: string;
  /** PEM; the server's own certificate first, then the chain. */
  readonly cert: string;
  /** Lower-case hexadecimal SHA-256 of the SubjectPublicKeyInfo. */
  readonly fingerprint: string;
}

export class IdentityError extends Error {
  override readonly name = "IdentityError";
}

/** The pin of a public key. */
export function fingerprintOf(publicKey: Key): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/**
 * An identity from key and certificate, which must fit each other.
 * @throws IdentityError
 */
export function parseIdentity(key: string, cert: string): Identity {
  let certificate: X509Certificate;
  let privateKey: Key;
  try {
    certificate = new X509Certificate(cert);
  } catch (cause) {
    throw new IdentityError("the certificate is not a PEM certificate", { cause });
  }
  try {
    privateKey = createPrivateKey(key);
  } catch (cause) {
    throw new IdentityError("the key is not an unencrypted PEM private key", { cause });
  }
  if (!certificate.checkPrivateKey(privateKey))
    throw new IdentityError("the key does not belong to the certificate");
  return { key, cert, fingerprint: fingerprintOf(certificate.publicKey) };
}

/** Reads `--tls-cert` and `--tls-key`. @throws IdentityError naming the file */
export async function readIdentity(certPath: string, keyPath: string): Promise<Identity> {
  return parseIdentity(await read(keyPath, "TLS key"), await read(certPath, "TLS certificate"));
}

/** Reads `--identity`: key and certificate in one PEM file. @throws IdentityError naming the file */
export async function readIdentityFile(path: string): Promise<Identity> {
  return splitPem(await read(path, "identity"), path);
}

/**
 * The identity in one PEM file (key, then certificate; mode 0600), made there when the file is missing.
 * @throws IdentityError
 */
export async function openIdentity(
  path: string,
): Promise<{ identity: Identity; made: boolean; openToOthers: boolean }> {
  try {
    const { mode } = await stat(path);
    const identity = await readIdentityFile(path);
    return { identity, made: false, openToOthers: (mode & 0o077) !== 0 };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const identity = await makeIdentity();
  await writeFileAtomic(path, identity.key + identity.cert, 0o600);
  return { identity, made: true, openToOthers: false };
}

function splitPem(pem: string, path: string): Identity {
  const at = pem.indexOf("-----BEGIN CERTIFICATE-----");
  if (at <= 0) throw new IdentityError(`${path} does not hold a private key and a certificate`);
  try {
    return parseIdentity(pem.slice(0, at), pem.slice(at));
  } catch (error) {
    if (error instanceof IdentityError)
      throw new IdentityError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}

async function read(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new IdentityError(`can't read the ${what} ${path}: ${code ?? "unknown error"}`, { cause });
  }
}

const DAY_MS = 86_400_000;
const VALID_DAYS = 3650;

/** A fresh P-256 key with a certificate that it signed itself. Clients pin the key, so names and dates are for show. */
export async function makeIdentity(): Promise<Identity> {
  // Loaded here alone: a server whose identity exists never needs them.
  await import("reflect-metadata");
  const { SubjectAlternativeNameExtension, X509CertificateGenerator } = await import("@peculiar/x509");
  const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=TalkByte server",
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + VALID_DAYS * DAY_MS),
    signingAlgorithm,
    keys,
    extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }])],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" });
  return parseIdentity(key.toString(), `${certificate.toString("pem")}\n`);
}
