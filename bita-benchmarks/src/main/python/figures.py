#!/usr/bin/env python3
"""Measures the figures of README and docs, and rewrites their tables.

    figures.py --data DIR [NAME ...]    measures all, or the named ones, and rewrites all tables
    figures.py --list                   what there is, with the commands and about how long they take
    figures.py                          rewrites the tables from what was measured before
    figures.py --check                  status 1 if a table is not that of its figures

DIR holds question sets in Spec-Bench's format: spec-bench-dev.jsonl (every other question of Spec-Bench's question.jsonl)
and humaneval-dev.jsonl (every other of HumanEval's prompts). What is measured is kept in docs/figures/NAME.json; a table stands
in a Markdown file between the lines <!-- figures NAME --> and <!-- end -->. Close other programs. A run that was stopped goes
on: `bita eval` keeps its answers under bita-benchmarks/target/figures (--force begins anew).
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[4]
WORK = ROOT / "bita-benchmarks" / "target" / "figures"
KEPT = ROOT / "docs" / "figures"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DEFAULT = "masks+automaton+recycling+bigrams:best:16"
CATEGORIES = ["chat", "translation", "summaries", "questions", "maths", "retrieval", "code"]
NAMES = {"translation": "translation", "summarization": "summaries", "qa": "questions", "math_reasoning": "maths", "rag": "retrieval", "humaneval": "code"}
FIGURES = {}  # by name


class Figure:
    """What one function measures, and the table that another makes of it."""

    def __init__(self, name, minutes, commands, measure, table):
        self.name, self.minutes, self.commands, self.measure, self.table = name, minutes, commands, measure, table
        FIGURES[name] = self

    def file(self):
        return KEPT / f"{self.name}.json"

    def kept(self):
        return json.loads(self.file().read_text()) if self.file().exists() else None

    def text(self):
        kept = self.kept()
        if kept is None:
            return "Not measured yet."
        made = kept["made"]
        commands = ", ".join(f"`{command}`" for command in self.commands)
        return "\n".join([*self.table(kept["figures"]), "", f"{commands}: {made['date']}, {made['machine']}, commit {made['commit']}, load before {made['load']}."])


class Context:
    """The command, the question sets and the place for what comes up."""

    def __init__(self, options):
        self.command = [options.bita]
        self.data = pathlib.Path(options.data)
        self.force = options.force
        self.options = options

    def run(self, *arguments, **more):
        command = [*self.command, *map(str, arguments)]
        print("+", shlex.join(command), flush=True)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, **more)
        if done.returncode != 0:
            raise SystemExit(f"figures.py: `{shlex.join(command)}` ended with status {done.returncode}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--json"))

    def eval(self, name, *arguments):
        """The rows of a comparison, which goes on where it was stopped."""
        folder = WORK / name
        if self.force:
            shutil.rmtree(folder, ignore_errors=True)
        if not (folder / "results.json").exists():
            self.run("eval", *arguments, "-o", folder)
        results = json.loads((folder / "results.json").read_text())
        kept = ("method", "category", "prompts", "tokens_per_step", "rows_per_step", "tokens_per_second", "speedup", "speedup_low",
                "speedup_high", "identical_prompts", "spec_bench_tokens_per_second")
        return [{key: row[key] for key in kept} for row in results["rows"]]

    def questions(self, name):
        path = self.data / name
        if not path.exists():
            raise SystemExit(f"figures.py: {path} is missing: --data names the folder with the question sets")
        return [json.loads(line) for line in path.read_text().splitlines()]

    def sample(self, small=False):
        """Some questions of each kind: every fifth of the chat questions, every eighth of the others, every fourteenth of HumanEval's."""
        kinds = {}
        for question in self.questions("spec-bench-dev.jsonl"):
            kinds.setdefault(NAMES.get(question["category"], "chat"), []).append(question)
        kinds["code"] = [dict(q, question_id=10000 + 2 * q["question_id"]) for q in self.questions("humaneval-dev.jsonl")]
        every = {"chat": 5, "code": 14}
        path = WORK / ("sample-small.jsonl" if small else "sample.jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            for kind in CATEGORIES:
                chosen = kinds[kind][:: every.get(kind, 8)]
                for question in chosen[:: 2 if small else 1]:
                    file.write(json.dumps(dict(question, category=kind)) + "\n")
        return path


def speed(row):
    return f"{row['speedup']:.2f} ({row['speedup_low']:.2f} to {row['speedup_high']:.2f})"


def method(name):
    return f"**default**: `{name}`" if name == DEFAULT else f"`{name}`"


def by_category(rows, categories):
    table = {(row["method"], row["category"]): row for row in rows}
    methods = [row["method"] for row in rows if row["category"] == "all"]
    lines = ["| method | tokens per step | rows | tokens/s | speedup (95 %) | as Spec-Bench counts | " + " | ".join(categories) + " |",
             "|---|" + "--:|" * (5 + len(categories))]
    plain = table["plain", "all"]["spec_bench_tokens_per_second"]
    for name in methods:
        row = table[name, "all"]
        cells = [method(name), f"{row['tokens_per_step']:.2f}", f"{row['rows_per_step']:.1f}", f"{row['tokens_per_second']:.0f}",
                 "1" if name == "plain" else speed(row), f"{row['spec_bench_tokens_per_second'] / plain:.2f}"]
        cells += [f"{table[name, c]['speedup']:.2f}" if (name, c) in table else "" for c in categories]
        lines.append("| " + " | ".join(cells) + " |")
    prompts = table[methods[0], "all"]["prompts"]
    same = all(row["identical_prompts"] == row["prompts"] for row in rows)
    return [*lines, "", f"{prompts} turns; " + ("every token of every method is plain decoding's." if same else "**not all are identical.**")]


# -- what there is ---------------------------------------------------------------------------------------------------------

QUESTION = "Explain why the sky is blue."


def measure_one(context):
    keys = ("completion_tokens", "tokens_per_second", "plain_tokens_per_second", "speedup", "tokens_per_step", "rows_per_step", "identical")
    runs = [context.json("run", QUESTION, "--compare", "--max-tokens", 300) for _ in range(3)]
    return [{key: run[key] for key in keys} for run in runs]


def table_one(figures):
    lines = ["| plain, tokens/s | default, tokens/s | tokens per step | rows | speedup |", "|--:|--:|--:|--:|--:|"]
    lines += [f"| {f['plain_tokens_per_second']:.0f} | {f['tokens_per_second']:.0f} | {f['tokens_per_step']:.2f} | {f['rows_per_step']:.1f} | {f['speedup']:.2f} |"
              for f in figures]
    return [*lines, "", "Each line is the median of three runs in turn; "
            + ("identical, token by token." if all(f["identical"] for f in figures) else "**not identical.**")]


Figure("one-question", 2, [f'bita run "{QUESTION}" --compare --max-tokens 300'], measure_one, table_one)
Figure("methods", 12, ["bita eval --suite SAMPLE --max-tokens 64"],
       lambda c: c.eval("methods", "--suite", c.sample(), "--max-tokens", 64), lambda rows: by_category(rows, CATEGORIES))
SOURCES = ["masks:best:16", "masks+automaton:best:16", "masks+recycling:best:16", "automaton+recycling", "automaton+recycling+bigrams",
           "masks+automaton+recycling:best:16", DEFAULT]
Figure("sources", 8, ["bita eval --suite SAMPLE --max-tokens 64 --methods " + ",".join(SOURCES)],
       lambda c: c.eval("sources", "--suite", c.sample(), "--max-tokens", 64, "--methods", ",".join(SOURCES)),
       lambda rows: by_category(rows, CATEGORIES))


def measure_halves(context):
    methods = f"lookup,automaton,automaton+recycling+bigrams,{DEFAULT}"
    return {
        "spec-bench": context.eval("spec-bench", "--suite", context.data / "spec-bench-dev.jsonl", "--max-tokens", 80, "--methods", methods),
        "humaneval": context.eval("humaneval", "--suite", context.data / "humaneval-dev.jsonl", "--max-tokens", 128, "--methods", methods)}


def table_halves(figures):
    categories = [row["category"] for row in figures["spec-bench"] if row["method"] == "plain" and row["category"] != "all"]
    return ["Spec-Bench:", "", *by_category(figures["spec-bench"], categories), "", "HumanEval:", "", *by_category(figures["humaneval"], [])]


Figure("halves", 70, ["bita eval --suite spec-bench-dev.jsonl --max-tokens 80 --methods lookup,automaton,automaton+recycling+bigrams," + DEFAULT,
                      "bita eval --suite humaneval-dev.jsonl --max-tokens 128 ..."], measure_halves, table_halves)


def measure_batches(context):
    return {str(n): context.eval(f"batch-{n}", "--suite", context.sample(small=True), "--max-tokens", 64, "--batch", n, "--repetitions", 5,
                                 "--methods", DEFAULT) for n in range(1, 9)}


def table_batches(figures):
    lines = ["| sequences | tokens per step of a sequence | rows | all | " + " | ".join(CATEGORIES) + " |", "|---|" + "--:|" * (3 + len(CATEGORIES))]
    under = []
    for n, rows in figures.items():
        table = {row["category"]: row for row in rows if row["method"] == DEFAULT}
        row = table["all"]
        lines.append(f"| {n} | {row['tokens_per_step']:.2f} | {row['rows_per_step']:.1f} | {speed(row)} | "
                     + " | ".join(speed(table[c]) for c in CATEGORIES) + " |")
        under += [f"{n} sequences, {c}" for c, row in table.items() if row["speedup_high"] < 0.97]
    return [*lines, "", "Intervals wholly under 0.97: " + (", ".join(under) if under else "none") + "."]


Figure("batches", 35, [f"bita eval --suite SMALL-SAMPLE --max-tokens 64 --batch N --repetitions 5 --methods {DEFAULT}"], measure_batches, table_batches)


def measure_f32(context):
    f32 = WORK / "f32.gguf"
    if not f32.exists():
        context.run("quantize", "smollm2-135m-instruct", "--to", "F32", "-o", f32)
    return context.eval("f32", f32, "--suite", context.sample(small=True), "--max-tokens", 64,
                        "--methods", f"lookup,automaton+recycling,automaton+recycling+bigrams,{DEFAULT}")


Figure("f32", 8, ["bita quantize smollm2-135m-instruct --to F32 -o f32.gguf", "bita eval f32.gguf --suite SMALL-SAMPLE --max-tokens 64 "
                  f"--methods lookup,automaton+recycling,automaton+recycling+bigrams,{DEFAULT}"], measure_f32, lambda rows: by_category(rows, CATEGORIES))


def measure_second(context):
    if not context.options.second_model:
        raise SystemExit("figures.py: second-model needs --second-model FILE --second-adapter FILE")
    return context.eval("second-model", context.options.second_model, "--adapter", context.options.second_adapter, "--suite",
                        context.sample(small=True), "--max-tokens", 64)


Figure("second-model", 20, ["bita tune gemma-3-270m-q4_k_m.gguf --count 160 --steps 60 -o gemma.safetensors",
                            "bita eval gemma-3-270m-q4_k_m.gguf --adapter gemma.safetensors --suite SMALL-SAMPLE --max-tokens 64"],
       measure_second, lambda rows: by_category(rows, CATEGORIES))


def measure_steps(context):
    keys = ("context", "plain_tokens_per_second", "prefill_tokens_per_second", "step_ms", "products_ms", "ideal_step_ms", "ideal_products_ms")
    return [{key: one[key] for key in keys} for one in context.json("bench", "--contexts", "256,1024,4096", "--rounds", 5)]


def table_steps(figures):
    rows = list(figures[0]["step_ms"])
    lines = ["| context | | " + " | ".join(rows) + " rows |", "|--:|---|" + "--:|" * len(rows)]
    for one in figures:
        def ratios(what):
            return " | ".join(f"{one[what][r] / one['ideal_' + what][r]:.2f}" for r in rows)
        lines.append(f"| {one['context']} | step, ms | " + " | ".join(f"{one['step_ms'][r]:.1f}" for r in rows) + " |")
        lines.append(f"| | step, times its ideal | {ratios('step_ms')} |")
        lines.append(f"| | products, times theirs | {ratios('products_ms')} |")
    return [*lines, "", f"Prefill {figures[0]['prefill_tokens_per_second']:.0f} tokens/s, plain decoding at context {figures[0]['context']} "
            f"{figures[0]['plain_tokens_per_second']:.0f}."]


Figure("steps", 4, ["bita bench --contexts 256,1024,4096 --rounds 5"], measure_steps, table_steps)
BUDGETED = [("masks3:upper-triangle:5", []), ("lookup", []), ("masks3:best:16", ["--rows", 16]), (DEFAULT, ["--rows", 16])]


def measure_accepted(context):
    found = []
    for suite, limit in (("spec-bench-dev.jsonl", 40), ("humaneval-dev.jsonl", 20)):
        for name, rows in BUDGETED:
            report = context.json("audit", "--suite", context.data / suite, "--limit", limit, "--max-tokens", 256, "--tokens-per-step",
                                  "--method", name, *rows)
            one = report["methods"][0]
            found.append({"suite": suite, "questions": limit, "method": name, "ok": report["ok"], "rows_per_step": one["rows_per_step"],
                          "tokens_per_step": one["tokens_per_step"]})
    return found


def table_accepted(figures):
    lines = ["| questions | method | rows per step | tokens per step |", "|---|---|--:|--:|"]
    for f in figures:
        what = f"{f['questions']} of Spec-Bench's chat" if f["suite"].startswith("spec") else f"{f['questions']} of HumanEval"
        lines.append(f"| {what} | {method(f['method'])} | {f['rows_per_step']:.1f} | {f['tokens_per_step']:.2f} |")
    return lines


Figure("tokens-per-step", 15, ["bita audit --suite SUITE --limit N --max-tokens 256 --tokens-per-step --method METHOD [--rows 16]"],
       measure_accepted, table_accepted)


def measure_exactness(context):
    report = context.json("audit", "--suite", context.data / "spec-bench-dev.jsonl", "--limit", 30, "--max-tokens", 64)
    keys = ("ok", "prompts", "comparisons", "tokens", "logits", "pairs_covered", "pairs", "drafts_accepted", "drafts_rejected", "seconds")
    return {key: report[key] for key in keys}


def table_exactness(f):
    return [f"{f['prompts']} prompts, {f['comparisons']:,} answers, {f['tokens']:,} tokens, {f['logits']:,} logits, {f['pairs_covered']} of {f['pairs']} pairs "
            f"of settings, {f['drafts_accepted']:,} drafted tokens accepted, {f['drafts_rejected']:,} rejected, {f['seconds'] / 60:.0f} minutes: "
            + ("**all identical**, each logit by its bits." if f["ok"] else "**not all identical.**")]


Figure("exactness", 6, ["bita audit --suite spec-bench-dev.jsonl --limit 30 --max-tokens 64"], measure_exactness, table_exactness)


def measure_serving(context):
    log = WORK / "serve.log"
    with log.open("w") as file:
        server = subprocess.Popen([*context.command, "serve", "--port", "0"], stdout=file, stderr=file)
    try:
        for _ in range(600):
            address = re.search(r"http://[0-9.]+:[0-9]+", log.read_text())
            if address or server.poll() is not None:
                break
            time.sleep(0.1)
        if not address:
            raise SystemExit(f"figures.py: the server did not start, see {log}")
        soak = ROOT / "bita-server" / "src" / "test" / "clients" / "soak.py"
        subprocess.run([sys.executable, str(soak), address[0], "--clients", "32", "--minutes", "10", "--pid", str(server.pid), "--samples", "200", "--json",
                        str(WORK / "soak.json")], check=True)
    finally:
        server.terminate()
        server.wait(60)
    return json.loads((WORK / "soak.json").read_text())


def table_serving(f):
    requests, memory = f["requests"], f["memory_mib"]
    return ["| | |", "|---|--:|",
            f"| requests: answered, left, slow, bad | {requests['answers']}, {requests['leave']}, {requests['slow']}, {requests['bad']} |",
            f"| lost, mixed or reordered | {len(f['failures'])} |",
            f"| asked for again, alone, and identical | {f['compared_alone']} of {f['compared_alone']} |",
            f"| tokens/s of all, of one plain client before and after | {f['tokens_per_second']:.0f}, {f['plain_client_tokens_per_second']:.0f}: {f['times_plain']:.2f} times |",
            *[f"| seconds to a {kind} answer, median and longest | {f['seconds_to_answer'][kind]['p50']:.1f}, {f['seconds_to_answer'][kind]['most']:.1f} |"
              for kind in ("short", "medium", "long")],
            *[f"| seconds to the first text of a {kind} answer, median and longest | {f['seconds_to_first_text'][kind]['p50']:.1f}, {f['seconds_to_first_text'][kind]['most']:.1f} |"
              for kind in ("short", "medium", "long")],
            f"| memory, MiB, second and last quarter | {memory['second_quarter']:.0f}, {memory['last_quarter']:.0f} |"]


Figure("serving", 14, ["bita serve", "bita-server/src/test/clients/soak.py URL --clients 32 --minutes 10 --pid PID --samples 200"],
       measure_serving, table_serving)
Figure("tuning", 2, ["bita tune --dry-run --json smollm2-135m-instruct"], lambda c: c.json("tune", "--dry-run", "smollm2-135m-instruct"),
       lambda f: [f"{f['seconds_per_window']:.2f} s for a window ({f['window']} anchors), {f['seconds_per_step']:.1f} s for a step of {f['windows_per_step']}; "
                  f"{f['stated_bytes'] / 1e6:.0f} MB stated before, {f['peak_resident_bytes'] / 1e6:.0f} MB held at most."])


def watch(command):
    """Runs a command: seconds, and the most memory that it held."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = {"Anonymous": 0, "VmHWM": 0}
    while process.poll() is None:
        for name, file in (("Anonymous", "smaps_rollup"), ("VmHWM", "status")):
            try:
                found = re.search(rf"^{name}:\s+(\d+) kB", pathlib.Path(f"/proc/{process.pid}/{file}").read_text(), re.M)
            except OSError:
                continue
            most[name] = max(most[name], int(found[1]) * 1024 if found else 0)
        time.sleep(0.05)
    return {"seconds": time.monotonic() - start, "anonymous": most["Anonymous"], "resident": most["VmHWM"]}


def measure_memory(context):
    stated = context.json("inspect", "smollm2-135m-instruct")["memory"]
    return {"stated": stated, **watch([*context.command, "run", "hi", "--max-tokens", "200"])}


def table_memory(f):
    return ["| stated by `bita inspect`, MB | anonymous memory at most | with pages of files |", "|---|--:|--:|",
            f"| {', '.join(f'{name} {value / 1e6:.0f}' for name, value in f['stated'].items() if isinstance(value, int))} "
            f"| {f['anonymous'] / 1e6:.0f} | {f['resident'] / 1e6:.0f} |"]


Figure("memory", 1, ["bita inspect smollm2-135m-instruct", "bita run hi --max-tokens 200"], measure_memory, table_memory)


def cold(path):
    """Takes a file's pages from the system's cache. A virtual machine's host may keep them."""
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def measure_load(context):
    path = WORK / "llama-7b-q4_k.gguf"
    if not path.exists():
        subprocess.run([sys.executable, str(ROOT / "bita-benchmarks" / "src" / "main" / "python" / "shape_model.py"), str(path)], check=True)
    runs = []
    for _ in range(2):
        cold(path)
        run = watch([*context.command, "run", "-m", str(path), "--raw", "!!", "--max-tokens", "1", "--context", "512", "--method", "plain"])
        cold(path)
        start = time.monotonic()
        buffer = bytearray(1 << 20)
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
        runs.append({**run, "reading": time.monotonic() - start})
    stated = context.json("inspect", path, "--context", 512)["memory"]
    return {"bytes": path.stat().st_size, "stated": stated, "runs": runs}


def table_load(f):
    lines = ["| `bita run` from start to end, s | reading the file alone, s | held at most, GB, with pages of files |", "|--:|--:|--:|"]
    lines += [f"| {run['seconds']:.1f} | {run['reading']:.1f} | {run['anonymous'] / 1e9:.2f}, {run['resident'] / 1e9:.2f} |" for run in f["runs"]]
    return [*lines, "", f"{f['bytes'] / 1e9:.2f} GB; `bita inspect --context 512` states "
            + ", ".join(f"{name} {value / 1e9:.2f}" for name, value in f["stated"].items() if isinstance(value, int)) + " GB."]


Figure("load", 2, ["shape_model.py FILE", 'bita run -m FILE --raw "!!" --max-tokens 1 --context 512 --method plain'], measure_load, table_load)


def measure_start(context):
    script = ROOT / "bita-benchmarks" / "startup.sh"
    text = subprocess.run([str(script), *context.command], stdout=subprocess.PIPE, text=True, check=True).stdout
    first, rest = text.split("\n", 1)
    return {"milliseconds": int(re.search(r"after (\d+) ms", first)[1]), "runs": [int(n) for n in re.search(r": ([\d ]+)\)", first)[1].split()],
            "parts": [[part.strip(), int(ms)] for ms, part in re.findall(r"(\d+) ms  (.*)", rest)]}


def table_start(f):
    return [f"First token {f['milliseconds']} ms after the process starts (median of ten: {', '.join(map(str, f['runs']))}). One more run, by parts:", "",
            "| | ms |", "|---|--:|", *[f"| {part} | {ms} |" for part, ms in f["parts"]]]


Figure("start-up", 1, ["bita-benchmarks/startup.sh BITA"], measure_start, table_start)


def summary():
    """What README says, from the figures of all."""
    lines = ["| default model, 4 bits | |", "|---|--:|"]
    machine = (FIGURES["methods"].kept() or {"made": {"machine": "no machine yet"}})["made"]["machine"]

    def add(what, name, value):
        kept = FIGURES[name].kept()
        if kept is not None:
            other = kept["made"]["machine"]
            lines.append(f"| {what}{'' if other == machine else f' (on {other})'} | {value(kept['figures'])} |")

    def default(rows):
        return [row for row in rows if row["category"] == "all"][-1]  # the default stands last, whatever its name was then
    add("accelerated against plain, 39 questions of seven kinds", "methods", lambda rows: speed(default(rows)))
    add("the development half of Spec-Bench", "halves", lambda f: speed(default(f["spec-bench"])))
    add("the development half of HumanEval", "halves", lambda f: speed(default(f["humaneval"])))
    add("the same model in F32, a stand-in for larger ones", "f32", lambda rows: speed(default(rows)))
    add("Gemma 3 270M, with an adapter tuned on the same machine", "second-model", lambda rows: speed(default(rows)))
    add("one to eight answers at a time, against plain ones", "batches",
        lambda f: " to ".join(f"{pick(default(rows)['speedup'] for rows in f.values()):.2f}" for pick in (min, max)))
    add("tokens per step with 16 rows: chat, code", "tokens-per-step",
        lambda f: ", ".join(f"{one['tokens_per_step']:.2f}" for one in f if one["method"] == DEFAULT))
    add("a step of one, four, sixteen rows, ms", "steps", lambda f: ", ".join(f"{f[0]['step_ms'][rows]:.1f}" for rows in ("1", "4", "16")))
    add("prefill, tokens/s", "steps", lambda f: f"{f[0]['prefill_tokens_per_second']:.0f}")
    add("32 callers at once, tokens/s, against one plain caller", "serving", lambda f: f"{f['times_plain']:.2f} times")
    add("process start to first token, ms", "start-up", lambda f: f["milliseconds"])
    return "\n".join([*lines, "", f"On {machine}, or the machine named; speedups with 95 % intervals over questions. [docs/figures.md](docs/figures.md) has the tables and commands; "
                      "`bita-benchmarks/src/main/python/figures.py` measures them anew."])


# -- the tables ------------------------------------------------------------------------------------------------------------

def machine(context):
    name = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "unknown")
    return f"{os.cpu_count()} processors {name}, {context.json('run', 'hi', '--max-tokens', 1)['instruction_set']}"


def measure(figure, context):
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning: other programs are running (load {load:.1f}): {figure.name} may come out wrong", file=sys.stderr)
    print(f"{figure.name}: about {figure.minutes} min", flush=True)
    WORK.mkdir(parents=True, exist_ok=True)
    figures = figure.measure(context)
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    made = {"date": datetime.date.today().isoformat(), "machine": machine(context), "commit": commit, "load": round(load, 1)}
    KEPT.mkdir(exist_ok=True)
    new = figure.file().with_suffix(".new")
    new.write_text(json.dumps({"made": made, "figures": figures}, indent=1) + "\n")
    new.replace(figure.file())


def tables(check):
    """Rewrites what stands between the markers; which files were, or would have to be, changed."""
    changed = []
    for page in PAGES:
        before = page.read_text()

        def block(match):
            if match[1] == "summary":
                text = summary()
            elif match[1] in FIGURES:
                text = FIGURES[match[1]].text()
            else:
                raise SystemExit(f"figures.py: {page} asks for '{match[1]}', which nothing measures")
            return f"<!-- figures {match[1]} -->\n{text}\n<!-- end -->"
        after = re.sub(r"<!-- figures ([\w-]+) -->\n.*?<!-- end -->", block, before, flags=re.S)
        if after != before:
            changed.append(str(page.relative_to(ROOT)))
            if not check:
                page.write_text(after)
    return changed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure; all with --data")
    parser.add_argument("--data", help="the folder with the question sets")
    parser.add_argument("--bita", default=str(ROOT / "bita"), help="the command; the checkout's")
    parser.add_argument("--second-model", help="a model of another family")
    parser.add_argument("--second-adapter", help="its adapter")
    parser.add_argument("--force", action="store_true", help="not from answers that an earlier run has left")
    parser.add_argument("--list", action="store_true", help="what there is")
    parser.add_argument("--check", action="store_true", help="whether the tables are those of their figures")
    options = parser.parse_args()
    if options.list:
        for figure in FIGURES.values():
            print(f"{figure.name:16} {figure.minutes:3} min  {'; '.join(figure.commands)}")
        return 0
    unknown = [name for name in options.names if name not in FIGURES]
    if unknown:
        parser.error(f"there is no '{unknown[0]}': {', '.join(FIGURES)}")
    if options.names and not options.data:
        parser.error("--data is needed to measure")
    if options.data and not options.check:
        context = Context(options)
        for name in options.names or FIGURES:
            if name == "second-model" and not options.names and not options.second_model:
                print("second-model is left out: it needs --second-model and --second-adapter", file=sys.stderr)
                continue
            measure(FIGURES[name], context)
    changed = tables(options.check)
    print(("to be rewritten: " if options.check else "rewritten: ") + (", ".join(changed) if changed else "nothing"))
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
