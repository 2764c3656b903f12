"""The adapter of spec/conformance.md section 3 around the Python client.

Each request starts in the order in which it came, and none waits for the answer to another.
"""

import asyncio
import json
import sys

from talkbyte_client_session import Client


class Adapter:
    def __init__(self):
        self.address = self.client = None

    async def open(self, host, port, fingerprint=None):
        if self.client:
            self.client.drop()
        self.address, self.client = (host, port, fingerprint), None

    async def login(self, username, password):
        # A connection that is over is not replaced: `open` asks for a new one.
        if self.client is None:
            host, port, fingerprint = self.address
            self.client = Client(host, port, plaintext=fingerprint is None, fingerprint=fingerprint)
        await self.client.login(username, password)

    async def send(self, payload):
        await self.client.send(bytes.fromhex(payload))

    async def ping(self):
        await self.client.ping()

    async def stop(self):
        await self.client.stop()

    async def end(self):
        await self.client.end()


CALLS = {"open", "login", "send", "ping", "stop", "end"}


async def carry_out(adapter, request):
    answer = {"id": request.pop("id")}
    call = request.pop("call")
    if call not in CALLS:
        answer["unsupported"] = True
    else:
        try:
            await getattr(adapter, call)(**request)
        except Exception as error:
            answer["error"] = str(error) or type(error).__name__
    print(json.dumps(answer), flush=True)


async def run():
    adapter, tasks = Adapter(), set()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = asyncio.ensure_future(carry_out(adapter, json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(run())
