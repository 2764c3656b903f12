// A link around a peer that lives in the same process and has no clock of its own, such as a session core.
// Time is virtual and passes only while the player waits: a deadline of five minutes takes no real time.

import type { Link, LinkEvent } from "./link.ts";

// What the simulated peer does to its connection.
export interface SimulatedWire {
  now(): number;
  send(bytes: Uint8Array): void;
  end(): void;
  reset(): void;
}

export interface SimulatedPeer {
  receive(bytes: Uint8Array): void;
  receiveEnd(): void;
  receiveReset(): void;
  // Virtual time at which the peer next acts by itself: its earliest deadline.
  wakeAt(): number | undefined;
  // Called when virtual time has reached it.
  wake(now: number): void;
}

export function simulateLink(start: (wire: SimulatedWire) => SimulatedPeer): Link {
  const arrived: LinkEvent[] = [];
  let now = 0;
  let peerEnded = false;
  let runnerEnded = false;
  let dropped = false;

  const peer = start({
    now: () => now,
    send(bytes) {
      // Copied, for a peer may use its buffer again.
      if (!peerEnded && !dropped) arrived.push({ kind: "bytes", bytes: bytes.slice(), at: now });
    },
    end() {
      if (peerEnded || dropped) return;
      peerEnded = true;
      arrived.push({ kind: "end", at: now });
    },
    reset() {
      if (dropped) return;
      dropped = true;
      arrived.push({ kind: "reset", at: now });
    },
  });

  return {
    now: () => now,
    send(bytes) {
      if (!runnerEnded && !dropped) peer.receive(bytes);
    },
    end() {
      if (runnerEnded || dropped) return;
      runnerEnded = true;
      peer.receiveEnd();
    },
    reset() {
      if (dropped) return;
      dropped = true;
      peer.receiveReset();
    },
    close() {
      dropped = true;
    },
    async next(timeoutMs) {
      const until = now + timeoutMs;
      for (;;) {
        // Whatever the peer does by promise comes before time passes.
        await settle();
        const event = arrived.shift();
        if (event !== undefined) return event;
        const wakeAt = dropped ? undefined : peer.wakeAt();
        if (wakeAt === undefined || wakeAt > until) break;
        now = Math.max(now, wakeAt);
        peer.wake(now);
      }
      now = until;
      return { kind: "timeout", at: now };
    },
  };
}

function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
