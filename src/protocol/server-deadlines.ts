// The deadlines of a session that the server's core keeps (spec section 8.2): when each starts, stands still and
// stops. Times are milliseconds of the caller's clock; Infinity means that a deadline does not run.

export interface ServerDeadlineSettings {
  readonly loginMs: number;
  readonly frameMs: number;
  readonly idleMs: number;
  readonly drainMs: number;
}

export type ServerDeadline = "drain" | "login" | "frame" | "idle";

const NEVER = Infinity;

export class ServerDeadlines {
  readonly #settings: ServerDeadlineSettings;
  #loginDueAt: number;
  #loginLeftMs = 0;
  #frameDueAt = NEVER;
  #frameLeftMs = NEVER;
  #frameNumber: number | undefined;
  #idleDueAt = NEVER;
  #drainDueAt = NEVER;

  constructor(settings: ServerDeadlineSettings, now: number) {
    this.#settings = settings;
    this.#loginDueAt = now + settings.loginMs;
  }

  /** The earliest that runs; the idle deadline stands still while a message is under way or nothing is processed. */
  dueAt(idleRuns: boolean): number {
    const idle = idleRuns ? this.#idleDueAt : NEVER;
    return Math.min(this.#loginDueAt, this.#frameDueAt, idle, this.#drainDueAt);
  }

  /** Which deadline has passed at `now`, if `dueAt` has. */
  passed(now: number): ServerDeadline {
    if (now >= this.#drainDueAt) return "drain";
    if (now >= this.#loginDueAt) return "login";
    return now >= this.#frameDueAt ? "frame" : "idle";
  }

  /** A verification begins: the login deadline stands still. */
  holdLogin(now: number): void {
    this.#loginLeftMs = this.#loginDueAt - now;
    this.#loginDueAt = NEVER;
  }

  resumeLogin(now: number): void {
    this.#loginDueAt = now + this.#loginLeftMs;
  }

  loggedIn(now: number): void {
    this.#loginDueAt = NEVER;
    this.restartIdle(now);
  }

  restartIdle(now: number): void {
    this.#idleDueAt = now + this.#settings.idleMs;
  }

  startDrain(now: number): void {
    this.#drainDueAt = now + this.#settings.drainMs;
  }

  /** STOP or end of stream: nothing more is expected of the client. */
  stopped(): void {
    this.#idleDueAt = this.#drainDueAt = NEVER;
  }

  /** Which frame has begun and not ended, if any; its deadline stands still while the session does not read. */
  watchFrame(number: number | undefined, reads: boolean, now: number): void {
    if (number !== this.#frameNumber) {
      this.#frameNumber = number;
      this.#frameLeftMs = number === undefined ? NEVER : this.#settings.frameMs;
      this.#frameDueAt = NEVER;
    }
    if (reads === (this.#frameDueAt !== NEVER)) return;
    if (reads) {
      this.#frameDueAt = now + this.#frameLeftMs;
    } else {
      this.#frameLeftMs = this.#frameDueAt - now;
      this.#frameDueAt = NEVER;
    }
  }

  clear(): void {
    this.#frameNumber = undefined;
    this.#frameLeftMs = NEVER;
    this.#loginDueAt = this.#frameDueAt = this.#idleDueAt = this.#drainDueAt = NEVER;
  }
}
