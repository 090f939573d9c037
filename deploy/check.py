"""Runs three servers of the default model behind a reverse proxy and checks what docs/fleet.md says.

    python3 deploy/check.py haproxy|nginx [--port 18080] [-m MODEL]

That requests are spread and conversations are not; what the next turn of a conversation gains from it; that nobody notices
when a server is told to end, and who does when one is killed; that the same question has the same answer everywhere. Needs
the proxy (Debian: haproxy, nginx-light) and the ports from PORT to PORT + 3. Ends with status 1 if a check fails. Standard
library only.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid

HERE = pathlib.Path(__file__).resolve().parent
SERVERS = (1, 2, 3)
CHAT = "/v1/chat/completions"
CACHED, SENT = 'bita_tokens_total{type="cached"}', 'bita_requests_total{route="/v1/chat/completions",status="200"}'
QUESTIONS = ["Why is the sky blue?", "What is a lighthouse for?", "Name three rivers.", "How does bread rise?", "What is rust?"]
SENTENCE = "The keeper of the lighthouse wrote down the weather, the ships and the birds that he saw on day {}. "


class Failed(Exception):
    """A check that failed."""


class Answer:
    """What came of a request: its text, the seconds until the first of it, the prompt tokens that the server knew."""

    def __init__(self, status=0, text="", first=0.0, cached=0, whole=False, problem=""):
        self.status, self.text, self.first, self.cached = status, text, first, cached
        self.whole, self.problem = whole, problem


class Fleet:
    """The servers and their proxy."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder, self.servers = arguments, folder, {}
        self.log = open(folder / "log", "wb")
        for number in SERVERS:
            self.start(number)
        self.proxy = self.start_proxy()

    def start(self, number):
        command = [HERE.parent / "bita", "serve", "--port", str(self.arguments.port + number), "--threads", "1"]
        command += ["--context", "4096", "--parallel", "8", "--log", "text"] + (["-m", self.arguments.m] if self.arguments.m else [])
        self.servers[number] = subprocess.Popen(command, stdout=self.log, stderr=self.log)  # the launcher becomes the server

    def start_proxy(self):
        kind = self.arguments.proxy
        file = HERE / {"haproxy": "haproxy.cfg", "nginx": "nginx.conf"}[kind]
        ports = re.sub(r"\b808([0-3])\b", lambda port: str(self.arguments.port + int(port[1])), file.read_text())
        copy = self.folder / file.name
        copy.write_text(ports)
        command = {
            "haproxy": ["haproxy", "-db", "-f", copy],
            "nginx": ["nginx", "-c", copy, "-g", f"pid {self.folder}/nginx.pid;"],
        }[kind]
        return subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def await_health(self, number):
        """Waits until a server, or with 0 the proxy, answers."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            process = self.servers[number] if number else self.proxy
            if process.poll() is not None:
                raise Failed(f"{'server ' + str(number) if number else 'the proxy'} has ended with {process.returncode}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.arguments.port + number}/health", timeout=2)
                return
            except OSError:
                time.sleep(0.05)
        raise Failed(f"port {self.arguments.port + number} does not answer")

    def metric(self, number, name):
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.arguments.port + number}/metrics", timeout=10).read().decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + " "))

    def metrics(self, name):
        return {number: self.metric(number, name) for number in SERVERS}

    def said(self):
        """The last that servers and proxy have printed, but for questions about their health."""
        lines = (self.folder / "log").read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if " /health " not in line][-20:])

    def close(self):
        for process in [*self.servers.values(), self.proxy]:
            process.terminate()
        for process in [*self.servers.values(), self.proxy]:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        self.log.close()


def ask(port, messages, session=None, stream=True, tokens=16):
    """One request, never again by itself."""
    body = {"messages": messages, "max_tokens": tokens, "temperature": 0, "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    headers = {"Content-Type": "application/json"} | ({"X-Session-Id": session} if session else {})
    answer, start = Answer(), time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", CHAT, json.dumps(body), headers)
        response = connection.getresponse()
        answer.status = response.status
        if response.status != 200:
            answer.problem = response.read().decode(errors="replace")[:200]
        elif stream:
            read_stream(response, answer, start)
        else:
            whole = json.loads(response.read())
            answer.text, answer.whole = whole["choices"][0]["message"]["content"], True
    except (OSError, http.client.HTTPException) as problem:
        answer.problem = f"{type(problem).__name__}: {problem}"
    finally:
        connection.close()
    return answer


def read_stream(response, answer, start):
    for line in response:
        if line.strip() == b"data: [DONE]":
            answer.whole = True
        elif line.startswith(b"data: "):
            event = json.loads(line[6:])
            if event.get("usage"):
                answer.cached = event["usage"]["prompt_tokens_details"]["cached_tokens"]
            for choice in event.get("choices", []):
                piece = choice["delta"].get("content") or ""
                if piece and not answer.text:
                    answer.first = time.monotonic() - start
                answer.text += piece
    if not answer.whole:
        answer.problem = "the stream was cut"


def user(text):
    return {"role": "user", "content": text}


def expect(holds, what):
    if not holds:
        raise Failed(what)


def spreads(fleet):
    before = fleet.metrics(SENT)
    for number in range(30):
        answer = ask(fleet.arguments.port, [user(f"Say the number {number}.")], str(uuid.uuid4()), False, 2)
        expect(answer.whole, f"a request failed: {answer.status} {answer.problem}")
    counts = [int(count - before[number]) for number, count in fleet.metrics(SENT).items()]
    print(f"spread: 30 conversations of one turn went {', '.join(map(str, counts))} to the servers")
    expect(sum(counts) == 30 and min(counts) >= 3, "requests are not spread")


def conversation(fleet, seed, session):
    """The first-token times and known tokens of the second turn and those after it."""
    story = "".join(SENTENCE.format(f"{seed}-{day}") for day in range(30))
    messages, turns = [user(story + "What did he see?")], []
    for turn in range(4):
        answer = ask(fleet.arguments.port, messages, session(turn))
        expect(answer.whole, f"a turn failed: {answer.status} {answer.problem}")
        if turn:
            turns.append(answer)
        messages += [{"role": "assistant", "content": answer.text}, user("Go on, please.")]
    return turns


def keeps_conversations(fleet):
    ways = {"named (X-Session-Id)": lambda seed: lambda _: f"session-{seed}"}
    if fleet.arguments.proxy == "haproxy":
        ways["by its first words"] = lambda seed: lambda _: None
    ways["not kept (each turn anywhere)"] = lambda seed: lambda _: str(uuid.uuid4())
    first, seed = {}, 0
    for way, sessions in ways.items():
        turns = []
        for _ in range(6):
            seed += 1
            turns += conversation(fleet, seed, sessions(seed))
        milliseconds = [1000 * turn.first for turn in turns]
        known = sum(turn.cached > 500 for turn in turns)
        first[way] = statistics.median(milliseconds)
        print(
            f"next turn, {way}: first token after {first[way]:.0f} ms (median of {len(turns)},"
            f" longest {max(milliseconds):.0f}); {known} of {len(turns)} found what came before"
        )
        expect(known == len(turns) or way.startswith("not"), "a turn went to a server that did not know the conversation")
    times = list(first.values())
    expect(max(times[:-1]) < times[-1], "keeping conversations gained nothing")


class Traffic:
    """Clients that ask one question after another, half of them for streams."""

    def __init__(self, fleet, clients=8):
        self.fleet, self.ending, self.lock = fleet, threading.Event(), threading.Lock()
        self.answers = []
        self.threads = [threading.Thread(target=self.work, args=(client,), daemon=True) for client in range(clients)]
        for thread in self.threads:
            thread.start()

    def work(self, client):
        asked = client
        while not self.ending.is_set():
            question = QUESTIONS[asked % len(QUESTIONS)]
            stream = asked % 2 == 0
            # A client's own conversation, so that each server has some.
            answer = ask(self.fleet.arguments.port, [user(question)], f"{client}-{asked}", stream, 40)
            with self.lock:
                self.answers.append((question, stream, answer))
            asked += 1

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        texts = collections.defaultdict(set)
        for question, _, answer in self.answers:
            if answer.whole:
                texts[question].add(answer.text)
        expect(all(len(same) == 1 for same in texts.values()), f"answers to one question differ: {dict(texts)}")
        return [(stream, answer) for _, stream, answer in self.answers if not answer.whole]


def disturbed(fleet, number, sent):
    """Traffic while a server gets a signal, ends and is started again; its status and the requests that failed."""
    traffic = Traffic(fleet)
    time.sleep(4)
    start = time.monotonic()
    os.kill(fleet.servers[number].pid, sent)
    status = fleet.servers[number].wait(60)
    seconds = time.monotonic() - start
    time.sleep(4)  # without it
    fleet.start(number)
    fleet.await_health(number)
    time.sleep(5)
    failed = traffic.end()
    again = int(fleet.metric(number, SENT))
    print(
        f"server {number} {'told to end' if sent == signal.SIGTERM else 'killed'} in the midst of {len(traffic.answers)} requests:"
        f" ended after {seconds:.1f} s, {len(failed)} failed, {again} went to it once it was back;"
        " one text per question"
    )
    expect(again > 0, "the server that was started again got no request")
    return status, failed


def drains(fleet):
    status, failed = disturbed(fleet, 2, signal.SIGTERM)
    expect(status == 143, f"the server ended with {status}")
    expect(not failed, "requests failed: " + "; ".join(f"{answer.status} {answer.problem}" for _, answer in failed))


def session_on(fleet, number):
    """A conversation whose turns go to the server."""
    for attempt in range(100):
        before = fleet.metric(number, SENT)
        ask(fleet.arguments.port, [user("Hello.")], f"probe-{attempt}", False, 1)
        if fleet.metric(number, SENT) > before:
            return f"probe-{attempt}"
    raise Failed(f"server {number} gets no conversations")


def survives_a_kill(fleet):
    session, cut = session_on(fleet, 3), []
    story = lambda: cut.append(ask(fleet.arguments.port, [user("Write a very long story.")], session, True, 1500))
    reader = threading.Thread(target=story, daemon=True)
    reader.start()
    _, failed = disturbed(fleet, 3, signal.SIGKILL)
    reader.join()
    expect(cut[0].text and not cut[0].whole, "no stream was cut")
    for answer in [*cut, *(answer for _, answer in failed)]:
        print(f"  a client saw: status {answer.status}, {len(answer.text)} characters, then {answer.problem}")
    expect(all(stream and answer.status == 200 for stream, answer in failed), "more failed than streams that had begun")


def takes_a_burst(fleet):
    answers, threads = [], []
    for number in range(24):
        work = lambda number=number: answers.append(ask(fleet.arguments.port, [user(f"Count to {number}.")], "one", False, 8))
        threads.append(threading.Thread(target=work))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [f"{answer.status} {answer.problem}" for answer in answers if not answer.whole]
    print(f"24 requests of one conversation at once: {len(failed)} failed")
    expect(not failed, "; ".join(failed))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proxy", choices=["haproxy", "nginx"])
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("-m", metavar="MODEL")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fleet = Fleet(arguments, pathlib.Path(folder))
        try:
            for number in (*SERVERS, 0):
                fleet.await_health(number)
            for check in (spreads, keeps_conversations, takes_a_burst, drains, survives_a_kill):
                check(fleet)
        except Failed as problem:
            print(f"FAILED: {problem}\n{fleet.said()}")
            return 1
        finally:
            fleet.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
