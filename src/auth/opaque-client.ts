// The mechanism OPAQUE at the client (spec section 6.4). The server is a stranger until `confirm` has said true: what
// it announces is bounded, and nothing that it says before is to be remembered.

import type { PreparedPassword } from "../credentials/password.ts";
import type { HashParameters } from "../credentials/phc.ts";
import type { Transcript } from "../protocol/login-frames.ts";
import { checkOpaqueData } from "../protocol/mechanism.ts";
import { areEqual, checkChannelBinding, OpaqueBinding } from "./opaque-binding.ts";
import { loadOpaque, toBytes, toText } from "./opaque-library.ts";
import { stretchInThread } from "./opaque-thread.ts";

export interface OpaqueChallenge {
  /** KE2, the mechanism-data of CHALLENGE. */
  readonly ke2: Uint8Array;
  /** What `parseStretching` made of WELCOME's parameters. */
  readonly stretching: HashParameters;
  /** HELLO to CHALLENGE. */
  readonly transcript: Transcript;
}

/** One attempt to log in: AUTH's data, then RESPONSE's, then the server's proof. */
export class OpaqueClientAttempt {
  /** The mechanism-data of AUTH. */
  readonly ke1: Uint8Array;
  readonly #password: PreparedPassword;
  readonly #state: string;
  readonly #channelBinding: Uint8Array;
  #binding: OpaqueBinding | undefined;

  private constructor(
    password: PreparedPassword,
    ke1: Uint8Array,
    state: string,
    channelBinding: Uint8Array,
  ) {
    this.#password = password;
    this.ke1 = ke1;
    this.#state = state;
    this.#channelBinding = channelBinding;
  }

  /** @throws TypeError without the exporter value of the TLS channel */
  static async start(password: PreparedPassword, channelBinding: Uint8Array): Promise<OpaqueClientAttempt> {
    checkChannelBinding(channelBinding);
    const { client } = await loadOpaque();
    const { startLoginRequest, clientLoginState } = client.startLogin({ password });
    return new OpaqueClientAttempt(password, toBytes(startLoginRequest), clientLoginState, channelBinding);
  }

  /**
   * The mechanism-data of RESPONSE. It is empty when KE2 does not open with the password (TB-OPAQUE-10), which is
   * wrong, not enrolled, or asked for by an impostor.
   * @throws CredentialError `hash-out-of-bounds`: nothing is stretched (TB-OPAQUE-9)
   * @throws StretchingError when the computation fails
   * @throws the signal's reason when it aborts
   */
  async respond({ ke2, stretching, transcript }: OpaqueChallenge, signal?: AbortSignal): Promise<Uint8Array> {
    checkOpaqueData("CHALLENGE", ke2);
    const result = await stretchInThread(
      {
        type: "log-in",
        password: this.#password,
        stretching,
        clientLoginState: this.#state,
        loginResponse: toText(ke2),
      },
      signal,
    );
    if (result.type !== "logged-in") return new Uint8Array(0);
    this.#binding = new OpaqueBinding(toBytes(result.sessionKey), this.#channelBinding);
    const ke3 = toBytes(result.ke3);
    return Uint8Array.of(...ke3, ...this.#binding.clientTag(transcript, ke3));
  }

  /** Whether the server's tag in AUTHENTICATED is right; if not, the connection is to be closed (TB-OPAQUE-15). */
  confirm(transcript: Transcript, sessionId: Uint8Array, serverTag: Uint8Array): boolean {
    if (this.#binding === undefined) return false;
    return areEqual(serverTag, this.#binding.serverTag(transcript, sessionId));
  }
}
