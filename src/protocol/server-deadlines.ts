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
  #frameNumber = -1;
  #idleDueAt = NEVER;
  #drainDueAt = NEVER;

  constructor(settings: ServerDeadlineSettings, now: number) {
    this.#settings = settings;
    this.#loginDueAt = now + settings.loginMs;
  }

  /** The earliest that runs; the idle deadline stands still while messages are under way. */
  dueAt(messagesUnderWay: number): number {
    const idle = messagesUnderWay === 0 ? this.#idleDueAt : NEVER;
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

  /** A frame has begun or not, after `framesSeen` whole ones. */
  watchFrame(begun: boolean, framesSeen: number, now: number): void {
    if (!begun) {
      this.#frameDueAt = NEVER;
    } else if (this.#frameDueAt === NEVER || this.#frameNumber !== framesSeen) {
      this.#frameNumber = framesSeen;
      this.#frameDueAt = now + this.#settings.frameMs;
    }
  }

  clear(): void {
    this.#loginDueAt = this.#frameDueAt = this.#idleDueAt = this.#drainDueAt = NEVER;
  }
}
