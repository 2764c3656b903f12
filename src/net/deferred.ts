// A promise that somebody else settles. Nobody may be waiting for it, so its rejection alone is no crash.

export class Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (reason: Error) => void;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
    promise.catch(() => undefined);
  }
}
