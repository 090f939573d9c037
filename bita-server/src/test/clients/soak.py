"""Holds a server under mixed traffic and checks that every stream is whole, in order, and what it would be alone.

    python soak.py http://127.0.0.1:8080 --clients 16 --minutes 10 [--pid PID] [--api-key KEY] [--json FILE]

One client alone, without acceleration, says what plain decoding brings, before the clients and after them, since a machine is
not always as fast. The clients stream, ask without a stream, leave in the middle and ask for what there is not; slow readers
come beside them. 429 is retried after what Retry-After says. At the end some of the answers are asked for again, alone, and must be the same. Ends
with status 1 if a check fails. Standard library only.
"""

import argparse
import asyncio
import collections
import json
import random
import statistics
import sys
import time
import urllib.parse

CLASSES = {"short": (8, 24), "medium": (32, 96), "long": (128, 256)}  # tokens asked for
KINDS = {"stream": 45, "whole": 20, "leave": 15, "slow": 10, "bad": 10}  # in a hundred requests
THINGS = ["the sea", "a lighthouse", "rain", "an old clock", "the moon", "bread", "a train", "winter", "a violin", "chess"]
BAD = [
    ("an unknown field", 400, "frobnicate", lambda body: {**body, "frobnicate": 1}),
    ("a value out of range", 400, "temperature", lambda body: {**body, "temperature": -1}),
    ("an unknown model", 404, None, lambda body: {**body, "model": "nobody"}),
    ("no messages", 400, "messages", lambda body: {k: v for k, v in body.items() if k != "messages"}),
    ("no JSON", 400, None, lambda body: '{"messages": ['),
]


class Failed(Exception):
    """A check that failed."""


class Response:
    """A response whose body is read as it comes."""

    def __init__(self, reader, writer, status, headers):
        self.reader, self.writer, self.status, self.headers = reader, writer, status, headers

    async def parts(self):
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                yield await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readuntil(b"\r\n")
        elif "content-length" in self.headers:
            yield await self.reader.readexactly(int(self.headers["content-length"]))
        else:
            while part := await self.reader.read(65536):
                yield part

    async def json(self):
        return json.loads(b"".join([part async for part in self.parts()]))

    async def events(self):
        """The data of server-sent events; ends with the body."""
        rest = b""
        async for part in self.parts():
            *events, rest = (rest + part).split(b"\n\n")
            for event in events:
                lines = [line[5:].lstrip() for line in event.split(b"\n") if line.startswith(b"data:")]
                if lines:
                    yield b"\n".join(lines).decode()
        if rest.strip():
            raise Failed(f"a stream ended within an event: {rest[:100]!r}")

    def leave(self):
        self.writer.transport.abort()


class Server:
    def __init__(self, base, key, timeout):
        url = urllib.parse.urlsplit(base)
        if url.scheme != "http":
            raise SystemExit("soak.py: the address begins with http://")
        self.host, self.port = url.hostname, url.port or 80
        self.key, self.timeout = key, timeout

    async def open(self, method, path, body=None):
        """A request on a connection of its own."""
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=1 << 20)
        data = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        head = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", "Connection: close"]
        if body is not None:
            head += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        if self.key:
            head.append(f"Authorization: Bearer {self.key}")
        try:
            writer.write("\r\n".join([*head, "", ""]).encode() + data)
            await writer.drain()
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except BaseException:
            writer.transport.abort()
            raise
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        return Response(reader, writer, int(lines[0].split(" ")[1]), headers)

    async def ask(self, method, path, body=None):
        """Status and JSON of a response."""
        response = await self.open(method, path, body)
        try:
            return response.status, await response.json()
        finally:
            response.leave()


class Soak:
    def __init__(self, server, options):
        self.server, self.options = server, options
        self.model = ""
        self.counts = collections.Counter()
        self.tokens = 0
        self.latencies = collections.defaultdict(list)
        self.first_tokens = collections.defaultdict(list)
        self.samples = []
        self.failures = []
        self.memory = []
        self.running = []
        self.slow = []

    def body(self, rng, length):
        fewest, most = CLASSES[length]
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": f"Tell me about {rng.choice(THINGS)}, number {rng.randrange(1000)}."}],
            "max_completion_tokens": rng.randint(fewest, most),
            "temperature": rng.choice([0, 0.7, 1]),
            "seed": rng.randrange(1 << 31),
        }
        if rng.random() < 0.2:
            body["messages"].insert(0, {"role": "system", "content": "You are patient and exact. " * rng.randint(1, 30)})
        return body

    async def patient(self, path, body):
        """A response other than 429: waits as long as that says."""
        while True:
            response = await self.server.open("POST", path, body)
            if response.status != 429:
                return response
            self.counts["429"] += 1
            after = response.headers.get("retry-after", "")
            response.leave()
            if not after.isdigit():
                raise Failed(f"429 with Retry-After {after!r}")
            await asyncio.sleep(int(after) * random.uniform(1, 1.5))

    async def whole(self, body):
        response = await self.patient("/v1/chat/completions", body)
        try:
            answer = await response.json()
        finally:
            response.leave()
        if response.status != 200:
            raise Failed(f"status {response.status}: {answer}")
        choice = answer["choices"][0]
        return choice["message"]["content"], choice["finish_reason"], answer["usage"]["completion_tokens"]

    async def stream(self, body, rng, kind, length):
        """Text, finish reason and tokens of a stream; None if it was left."""
        began = time.monotonic()
        leave_after = rng.randint(1, 20) if kind == "leave" else None
        request = {**body, "stream": True, "stream_options": {"include_usage": True}}
        response = await self.patient("/v1/chat/completions", request)
        try:
            if response.status != 200:
                raise Failed(f"status {response.status}: {await response.json()}")
            text, finish, usage, ids, number, done = "", None, None, set(), 0, False
            async for data in response.events():
                if done:
                    raise Failed(f"an event behind [DONE]: {data[:100]}")
                if data == "[DONE]":
                    done = True
                    continue
                chunk = json.loads(data)
                if "error" in chunk:
                    raise Failed(f"an error within a stream: {chunk['error']}")
                ids.add(chunk["id"])
                for choice in chunk["choices"]:
                    if finish:
                        raise Failed("a choice came after its finish_reason")
                    piece = choice["delta"].get("content") or ""
                    if piece and not text:
                        self.first_tokens[length].append(time.monotonic() - began)
                    text += piece
                    finish = choice["finish_reason"]
                usage = chunk.get("usage") or usage
                number += 1
                if leave_after is not None and number >= leave_after:
                    return None
                if kind == "slow":
                    await asyncio.sleep(rng.uniform(0.05, 0.3))
            if not done or not finish or not usage or len(ids) != 1:
                raise Failed(f"an incomplete stream: done {done}, finish_reason {finish}, usage {usage}, ids {len(ids)}")
            return text, finish, usage["completion_tokens"]
        finally:
            response.leave()

    async def bad(self, body, rng):
        what, status, param, change = rng.choice(BAD)
        found, answer = await self.server.ask("POST", "/v1/chat/completions", change(body))
        if found != status or (param and answer["error"]["param"] != param):
            raise Failed(f"{what} was answered with {found}: {answer}")

    async def one(self, rng, kind):
        length = rng.choices(list(CLASSES), [5, 4, 1])[0]
        body = self.body(rng, length)
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.server.timeout):
                if kind == "bad":
                    await self.bad(body, rng)
                    result = None
                elif kind == "whole":
                    result = await self.whole(body)
                else:
                    result = await self.stream(body, rng, kind, length)
        except (Failed, OSError, ValueError, KeyError, asyncio.IncompleteReadError, TimeoutError) as e:
            self.failures.append(f"{kind}, {length}: {type(e).__name__}: {e}")
            return
        self.counts[kind] += 1
        if result is not None:
            text, finish, tokens = result
            self.tokens += tokens
            if kind != "slow":
                self.latencies[length].append(time.monotonic() - began)
            if not 0 < tokens <= body["max_completion_tokens"]:
                self.failures.append(f"{kind}, {length}: {tokens} tokens where {body['max_completion_tokens']} were asked for")
            # A uniform sample of all answers, of bounded size.
            self.counts["answers"] += 1
            place = len(self.samples)
            if place >= self.options.samples:
                place = random.randrange(self.counts["answers"])
            if place < self.options.samples:
                self.samples[place : place + 1] = [(kind, body, text, finish)]

    async def client(self, number, until):
        rng = random.Random(self.options.seed * 1000 + number)
        while time.monotonic() < until:
            kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
            if kind == "slow":
                # The server has long ended what a slow reader still reads: it asks beside the clients, not as one of them.
                self.slow.append(asyncio.create_task(self.one(random.Random(rng.random()), kind)))
            else:
                await self.one(rng, kind)
            if rng.random() < 0.2:
                await asyncio.sleep(rng.uniform(0, 0.5))

    async def watch(self):
        """Memory and running answers, every two seconds."""
        while True:
            if self.options.pid:
                with open(f"/proc/{self.options.pid}/status") as status:
                    kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
                self.memory.append(kib / 1024)
            try:
                _, health = await asyncio.wait_for(self.server.ask("GET", "/health"), 10)
                self.running.append(health["running"] + health["waiting"])
            except (OSError, ValueError, asyncio.IncompleteReadError, TimeoutError) as e:
                self.failures.append(f"/health: {type(e).__name__}: {e}")
            await asyncio.sleep(2)

    async def plain(self):
        """Tokens, and seconds for them, of one client without acceleration."""
        rng = random.Random(self.options.seed)
        tokens, began = 0, time.monotonic()
        while time.monotonic() - began < self.options.plain_seconds:
            _, _, count = await self.whole({**self.body(rng, "medium"), "acceleration": False})
            tokens += count
        return tokens, time.monotonic() - began

    async def settle(self):
        """Waits until nothing runs."""
        until = time.monotonic() + 10
        while True:
            _, health = await self.server.ask("GET", "/health")
            if health["running"] + health["waiting"] == 0:
                return
            if time.monotonic() > until:
                self.failures.append(f"10 seconds after the last client has gone: {health}")
                return
            await asyncio.sleep(0.1)

    async def rerun(self):
        """Asks again, one at a time, and compares."""
        for kind, body, text, finish in self.samples:
            again, end, _ = await self.whole(body)
            if (again, end) != (text, finish):
                self.failures.append(f"{kind}: alone the answer to {body} is {again!r} ({end}), it was {text!r} ({finish})")

    async def run(self):
        _, models = await self.server.ask("GET", "/v1/models")
        self.model = models["data"][0]["id"]
        before = await self.plain()
        watching = asyncio.create_task(self.watch())
        began = time.monotonic()
        until = began + self.options.minutes * 60
        await asyncio.gather(*(self.client(number, until) for number in range(self.options.clients)))
        seconds = time.monotonic() - began
        watching.cancel()
        await asyncio.gather(*self.slow)
        await self.settle()
        after = await self.plain()
        await self.rerun()
        return self.summary((before[0] + after[0]) / (before[1] + after[1]), seconds)

    def summary(self, plain, seconds):
        rate = self.tokens / seconds
        result = {
            "model": self.model,
            "clients": self.options.clients,
            "seconds": round(seconds, 1),
            "requests": dict(sorted(self.counts.items())),
            "tokens": self.tokens,
            "tokens_per_second": round(rate, 1),
            "plain_client_tokens_per_second": round(plain, 1),
            "times_plain": round(rate / plain, 2),
            "seconds_to_answer": {length: spread(self.latencies[length]) for length in CLASSES},
            "seconds_to_first_text": {length: spread(self.first_tokens[length]) for length in CLASSES},
            "most_running_and_waiting": max(self.running, default=0),
            "compared_alone": len(self.samples),
        }
        if len(self.memory) >= 8:
            quarter = len(self.memory) // 4
            early = statistics.median(self.memory[quarter : 2 * quarter])
            late = statistics.median(self.memory[-quarter:])
            result["memory_mib"] = {
                "first": round(self.memory[0]),
                "most": round(max(self.memory)),
                "second_quarter": round(early),
                "last_quarter": round(late),
            }
            if late - early > self.options.most_growth:
                self.failures.append(f"memory has grown from {early:.0f} to {late:.0f} MiB")
        if rate < self.options.least_times_plain * plain:
            self.failures.append(f"{rate:.1f} tokens per second are less than {self.options.least_times_plain} times plain's")
        for length, most in (("short", self.options.most_short_p95),):
            p95 = result["seconds_to_answer"][length].get("p95", 0)
            if p95 > most:
                self.failures.append(f"95 of 100 {length} answers took up to {p95} s, more than {most} s")
        if self.counts["answers"] == 0:
            self.failures.append("not one answer has ended")
        result["failures"] = self.failures
        return result


def spread(values):
    if not values:
        return {"count": 0}
    ordered = sorted(values)
    at = lambda share: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)
    return {"count": len(ordered), "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "most": round(ordered[-1], 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="for instance http://127.0.0.1:8080")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--api-key")
    parser.add_argument("--pid", type=int, help="the server's process, whose memory is watched (Linux)")
    parser.add_argument("--seed", type=int, default=1, help="of the clients' choices")
    parser.add_argument("--samples", type=int, default=40, help="answers to ask for again, alone")
    parser.add_argument("--plain-seconds", type=float, default=20, help="how long the plain client is measured, each time")
    parser.add_argument("--request-timeout", type=float, default=300, help="seconds that a request may take")
    parser.add_argument("--least-times-plain", type=float, default=0, help="least tokens per second, in those of plain")
    parser.add_argument("--most-growth", type=float, default=64, help="MiB from the second to the last quarter")
    parser.add_argument("--most-short-p95", type=float, default=300, help="seconds for 95 of 100 short answers")
    parser.add_argument("--json", help="a file for the figures")
    options = parser.parse_args()
    soak = Soak(Server(options.base, options.api_key, options.request_timeout), options)
    result = asyncio.run(soak.run())
    for name, value in result.items():
        if name != "failures":
            print(f"{name:32} {json.dumps(value)}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=2)
    for failure in result["failures"][:20]:
        print(f"FAILED  {failure}")
    print(f"{len(result['failures'])} failures")
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
