// What the tests run beside themselves, and kill. `hold PATH` takes the lock and keeps it; `try PATH` says
// whether it could take it at once; `write PATH` rewrites the file as fast as it can, with a line each time.

import { parentPort } from "node:worker_threads";

import { withFileLock } from "../../src/credentials/file-lock.ts";
import { updateUsers } from "../../src/credentials/users-file.ts";

const [task, path = ""] = process.argv.slice(2);

if (task === "hold") {
  await withFileLock(path, async () => {
    process.stdout.write("held\n");
    await new Promise((resolve) => setInterval(resolve, 2 ** 30));
  });
}

if (task === "try") {
  const outcome = await withFileLock(path, () => Promise.resolve("free"), 0).catch(
    (error: Error) => error.message,
  );
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
  parentPort?.postMessage(outcome);
}

if (task === "write") {
  for (;;) {
    await updateUsers(path, (users, stamp) => {
      for (const user of users.list()) users.setPassword(user.name, user.password ?? "", stamp);
    });
    process.stdout.write("written\n");
  }
}
