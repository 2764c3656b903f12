// What the runner needs of a transport, and of the application on top of a client. The same player works
// over a simulated link, where time is virtual, and over a socket.

// `at` is link time at which the event arrived, not when it was asked for.
export type LinkEvent =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly at: number }
  | { readonly kind: "end"; readonly at: number }
  | { readonly kind: "reset"; readonly at: number }
  | { readonly kind: "timeout"; readonly at: number };

export interface Link {
  // Never throws because the peer has closed: `next` tells. Gives "stalled" if the peer has not taken the
  // bytes in this time; they stay on their way.
  send(bytes: Uint8Array, timeoutMs: number): void | Promise<void | "stalled">;
  // Ends this side's stream; reading goes on.
  end(): void | Promise<void>;
  reset(): void | Promise<void>;
  // The next thing that the peer does. Virtual time passes nowhere else.
  next(timeoutMs: number): Promise<LinkEvent>;
  // Milliseconds on a clock that never goes back.
  now(): number;
  // Lets go of the connection; nothing is judged any more.
  close(): void | Promise<void>;
}

// Asked once, and as late as possible: a client connects only when its application logs in.
export type LinkSource = Link | (() => Link | Promise<Link>);

// The application that uses the client under test. What these return or throw is recorded, and not judged but for `stop`:
// the suite judges bytes and connection ends.
export interface Driver {
  // Connects if need be.
  login(credentials: { readonly username: string; readonly password: string }): unknown;
  send(payload: Uint8Array): unknown;
  ping(): unknown;
  // A promise tells how the session ended: it is not fulfilled where the client broke it off. Anything else tells nothing.
  stop(): unknown;
  // Ends the client's stream without STOP.
  end(): unknown;
}

// Whoever runs the server under test.
export interface Operator {
  // Asks the server to stop, as an operator does; does not wait until it has.
  stop(): void | Promise<void>;
}

// What a driver rejects with when its client has no such call: the exchange then says nothing about the client.
export class UnsupportedCall extends Error {
  constructor() {
    super("the client has no such call");
    this.name = "UnsupportedCall";
  }
}
