"""Talks to a server with OpenAI's own Python client and checks what comes back.

    pip install openai
    python openai_client.py http://127.0.0.1:8080 [--api-key KEY]

One line for each check; ends with status 1 at the first that fails. It needs nothing of the model but a chat template: the
answers may be nonsense. --api-key says that the server has been started with this key.
"""

import argparse
import json
import time
import urllib.request

import openai

FIGURES = {
    "enabled": bool,
    "method": str,
    "steps": int,
    "rows_per_step": (int, float),
    "tokens_per_step": (int, float),
    "drafted_tokens": int,
    "accepted_tokens": int,
    "accepted_by_step": list,
    "tokens_per_second": (int, float),
    "time_to_first_token_ms": (int, float),
    "reused_prompt_tokens": int,
    "seed": int,
}
SCHEMA = {
    "type": "object",
    "properties": {
        "colour": {"type": "string", "enum": ["red", "green", "blue"]},
        "bright": {"type": "boolean"},
        "parts": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "minItems": 1, "maxItems": 3},
    },
    "required": ["colour", "bright", "parts"],
    "additionalProperties": False,
}


class Failed(Exception):
    """A check that failed."""


def expect(condition, message):
    if not condition:
        raise Failed(message)


def equal(found, wanted, what):
    expect(found == wanted, f"{what} is {found!r}, not {wanted!r}")


class Checks:
    def __init__(self, base, key):
        self.base = base.rstrip("/")
        self.key = key
        self.client = openai.OpenAI(base_url=self.base + "/v1", api_key=key or "none", max_retries=0, timeout=120)
        self.model = self.client.models.list().data[0].id

    def chat(self, content="Tell me about the sea.", **options):
        if isinstance(content, str):
            content = [{"role": "user", "content": content}]
        options.setdefault("max_completion_tokens", 24)
        return self.client.chat.completions.create(model=self.model, messages=content, **options)

    def post(self, path, body):
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = "Bearer " + self.key
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def tokens(self, text, special=True):
        return self.post("/tokenize", {"prompt": text, "add_special_tokens": special})["tokens"]

    def token(self, text):
        """The id of a token by its text; some models have tokens that no text leads to."""
        ids = self.tokens(text, special=False)
        if len(ids) == 1:
            return ids[0]
        for token in range(1000):
            if self.post("/detokenize", {"tokens": [token]})["prompt"] == text:
                return token
        raise Failed(f"no token is {text!r}")

    def running(self):
        with urllib.request.urlopen(self.base + "/health", timeout=60) as response:
            return json.load(response)["running"]

    def figures(self, choice, tokens, accelerated=True):
        figures = choice.model_extra.get("acceleration")
        expect(figures is not None, f"a finished choice has no acceleration: {choice}")
        for name, kind in FIGURES.items():
            expect(isinstance(figures.get(name), kind), f"acceleration.{name} is {figures.get(name)!r}")
        equal(figures["enabled"], accelerated, "acceleration.enabled")
        by_step = figures["accepted_by_step"]
        equal(sum(by_step), figures["steps"], "the sum of accepted_by_step")
        accepted = sum(count * number for count, number in enumerate(by_step))
        equal(accepted, figures["accepted_tokens"], "what accepted_by_step adds up to")
        expect(figures["accepted_tokens"] <= figures["drafted_tokens"], f"more accepted than drafted: {figures}")
        expect(figures["accepted_tokens"] + figures["steps"] + 1 >= tokens, f"too few steps for {tokens} tokens: {figures}")
        return figures

    # --- the checks, in this order

    def models(self):
        model = self.client.models.list().data[0]
        equal(self.client.models.retrieve(model.id).id, model.id, "the retrieved model")
        equal(model.object, "model", "object")

    def plain_chat(self):
        answer = self.chat(temperature=0)
        equal(answer.object, "chat.completion", "object")
        equal(answer.model, self.model, "model")
        equal(len(answer.choices), 1, "the number of choices")
        choice = answer.choices[0]
        equal(choice.message.role, "assistant", "role")
        expect(choice.message.content, "the answer is empty")
        expect(choice.finish_reason in ("stop", "length"), f"finish_reason is {choice.finish_reason}")
        usage = answer.usage
        equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens, "total_tokens")
        expect(0 < usage.completion_tokens <= 24, f"completion_tokens is {usage.completion_tokens}")
        expect(0 <= usage.prompt_tokens_details.cached_tokens < usage.prompt_tokens, "cached_tokens is out of range")

    def several_turns(self):
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}]
        last = 0
        for turn in range(3):
            answer = self.chat(messages, temperature=0)
            expect(answer.usage.prompt_tokens > last, f"turn {turn} has no longer prompt than the one before")
            last = answer.usage.prompt_tokens
            messages.append({"role": "assistant", "content": answer.choices[0].message.content})
            messages.append({"role": "user", "content": [{"type": "text", "text": "And then?"}]})
        developer = self.chat([{**messages[0], "role": "developer"}] + messages[1:], temperature=0)
        system = self.chat(messages, temperature=0)
        equal(developer.choices[0].message.content, system.choices[0].message.content, "what a developer message leads to")

    def streamed(self, content="Tell me about the sea.", **options):
        """Text, finish reason, choice of the end, and usage of a stream, after checking its form."""
        text, end, usage, ids = "", None, None, set()
        stream = self.chat(content, stream=True, stream_options={"include_usage": True}, **options)
        for number, chunk in enumerate(stream):
            equal(chunk.object, "chat.completion.chunk", "object")
            ids.add(chunk.id)
            expect(usage is None, "something came after the usage")
            if chunk.usage is not None:
                equal(chunk.choices, [], "choices of the chunk with usage")
                usage = chunk.usage
                continue
            expect(end is None, "a choice came after its finish_reason")
            choice = chunk.choices[0]
            if number == 0:
                equal(choice.delta.role, "assistant", "the first chunk's role")
            text += choice.delta.content or ""
            if choice.finish_reason is not None:
                end = choice
        equal(len(ids), 1, "the number of ids in a stream")
        expect(end is not None, "a stream had no finish_reason")
        expect(usage is not None, "a stream had no usage")
        return text, end, usage

    def stream(self):
        text, end, usage = self.streamed(temperature=0)
        whole = self.chat(temperature=0)
        equal(text, whole.choices[0].message.content, "the streamed text")
        equal(end.finish_reason, whole.choices[0].finish_reason, "the streamed finish_reason")
        equal(usage.completion_tokens, whole.usage.completion_tokens, "the streamed completion_tokens")
        self.figures(end, usage.completion_tokens)

    def two_choices(self):
        answer = self.chat(n=2, temperature=1, seed=7)
        equal([choice.index for choice in answer.choices], [0, 1], "the choices' indices")
        texts = [choice.message.content for choice in answer.choices]
        expect(texts[0] != texts[1], f"both choices are {texts[0]!r}")
        equal(texts[0], self.chat(temperature=1, seed=7).choices[0].message.content, "the first choice")
        pieces = {0: "", 1: ""}
        for chunk in self.chat(n=2, temperature=1, seed=7, stream=True):
            for choice in chunk.choices:
                pieces[choice.index] += choice.delta.content or ""
        equal([pieces[0], pieces[1]], texts, "the streamed choices")

    def seeds(self):
        options = {"temperature": 1, "top_p": 0.95, "extra_body": {"top_k": 50, "min_p": 0.001}}
        first = self.chat(seed=42, **options)
        equal(self.figures(first.choices[0], first.usage.completion_tokens)["seed"], 42, "the reported seed")
        text = first.choices[0].message.content
        equal(self.chat(seed=42, **options).choices[0].message.content, text, "the text of the same seed")
        equal(self.streamed(seed=42, **options)[0], text, "the streamed text of the same seed")
        others = {self.chat(seed=seed, **options).choices[0].message.content for seed in range(43, 47)}
        expect(others != {text}, "five seeds give one text")
        unseeded = self.chat(**options)
        seed = unseeded.choices[0].model_extra["acceleration"]["seed"]
        again = self.chat(seed=seed, **options).choices[0].message.content
        equal(again, unseeded.choices[0].message.content, "the text of the seed that an answer named")

    def acceleration(self):
        for options in ({"temperature": 0}, {"temperature": 0.8, "seed": 3}):
            plain = self.chat(max_completion_tokens=60, extra_body={"acceleration": False}, **options)
            fast = self.chat(max_completion_tokens=60, extra_body={"acceleration": True}, **options)
            equal(fast.choices[0].message.content, plain.choices[0].message.content, f"the accelerated text with {options}")
            figures = self.figures(plain.choices[0], plain.usage.completion_tokens, accelerated=False)
            equal(figures["drafted_tokens"], 0, "plain drafted_tokens")
            self.figures(fast.choices[0], fast.usage.completion_tokens)

    def drafts(self):
        choice = self.chat(temperature=0, extra_body={"show_drafts": True}).choices[0]
        pieces = choice.model_extra["drafts"]
        equal("".join(piece["text"] for piece in pieces), choice.message.content, "the drafts' text")
        for piece in pieces:
            equal(piece["depth"] == 0, piece["source"] == "root", f"depth 0 and source root in {piece}")

    def logprobs(self):
        choice = self.chat(temperature=0, logprobs=True, top_logprobs=3).choices[0]
        tokens = choice.logprobs.content
        expect(tokens, "there are no logprobs")
        for token in tokens:
            equal(len(token.top_logprobs), 3, "the number of top_logprobs")
            expect(token.logprob <= 0, f"a logprob is {token.logprob}")
            equal(token.top_logprobs[0].token, token.token, "the likeliest token of a greedy answer")
            equal(bytes(token.bytes).decode(errors="replace"), token.token, "a token's bytes")
        spelled = b"".join(bytes(token.bytes) for token in tokens).decode(errors="replace")
        expect(spelled.startswith(choice.message.content), f"the tokens spell {spelled!r}")
        streamed = []
        for chunk in self.chat(temperature=0, logprobs=True, top_logprobs=3, stream=True):
            for part in chunk.choices:
                streamed += part.logprobs.content if part.logprobs else []
        equal(streamed, tokens, "the streamed logprobs")

    def logit_bias(self):
        usual = self.chat(temperature=0, logprobs=True).choices[0].logprobs.content[0].token
        banned = self.chat(temperature=0, logprobs=True, logit_bias={str(self.token(usual)): -100})
        found = [token.token for token in banned.choices[0].logprobs.content]
        expect(usual not in found, f"{usual!r} was banned and came")
        forced = self.chat(temperature=0, logprobs=True, logit_bias={str(self.token("a")): 100})
        equal(forced.choices[0].message.content, "a" * 24, "the text where 'a' has a bias of 100")

    def penalties(self):
        options = {"presence_penalty": 1.5, "frequency_penalty": 1, "extra_body": {"repetition_penalty": 1.2}}
        usual = self.chat(temperature=0, max_completion_tokens=60).choices[0].message.content
        penalized = self.chat(temperature=0, max_completion_tokens=60, **options).choices[0].message.content
        expect(usual != penalized, "penalties have changed nothing")

    def stop(self):
        text = self.chat(temperature=0).choices[0].message.content
        at = text.find(" ", len(text) // 3)
        expect(at > 0, f"no blank to stop at in {text!r}")
        stop = text[at : at + 4]
        choice = self.chat(temperature=0, stop=["no such text", stop]).choices[0]
        equal(choice.message.content, text[: text.find(stop)], f"the text before {stop!r}")
        equal(choice.finish_reason, "stop", "finish_reason")
        equal(self.streamed(temperature=0, stop=stop)[0], text[: text.find(stop)], f"the streamed text before {stop!r}")

    def length(self):
        for name in ("max_completion_tokens", "max_tokens"):
            options = {"max_completion_tokens": openai.NOT_GIVEN, name: 5}
            answer = self.chat(temperature=0, **options)
            equal(answer.choices[0].finish_reason, "length", "finish_reason")
            equal(answer.usage.completion_tokens, 5, "completion_tokens")

    def json_object(self):
        options = {"response_format": {"type": "json_object"}, "temperature": 1, "max_completion_tokens": 120}
        closing = self.tokens("}", special=False)[0]  # a model that talks at random seldom ends an object by itself
        ended = self.chat("Describe a ball as JSON.", **options, seed=1, logit_bias={str(closing): 100}).choices[0]
        equal(ended.finish_reason, "stop", "finish_reason")
        expect(isinstance(json.loads(ended.message.content), dict), f"no object: {ended.message.content!r}")
        for seed in range(3):
            choice = self.chat("Describe a ball as JSON.", **options, seed=seed).choices[0]
            text = choice.message.content
            expect(text.lstrip().startswith("{"), f"no object: {text!r}")
            if choice.finish_reason == "stop":
                expect(isinstance(json.loads(text), dict), f"no object: {text!r}")

    def json_schema(self):
        wanted = {"type": "json_schema", "json_schema": {"name": "ball", "strict": True, "schema": SCHEMA}}
        for options in ({"temperature": 0}, {"temperature": 1, "seed": 1}, {"temperature": 1, "seed": 2}):
            options |= {"response_format": wanted, "max_completion_tokens": 120}
            choice = self.chat("Describe a ball.", **options).choices[0]
            equal(choice.finish_reason, "stop", "finish_reason")
            value = json.loads(choice.message.content)
            equal(set(value), {"colour", "bright", "parts"}, "the names")
            expect(value["colour"] in ("red", "green", "blue"), f"colour is {value['colour']!r}")
            expect(isinstance(value["bright"], bool), f"bright is {value['bright']!r}")
            parts = value["parts"]
            expect(1 <= len(parts) <= 3 and all(type(p) is int and 0 <= p <= 9 for p in parts), f"parts is {parts!r}")
            equal(self.streamed("Describe a ball.", **options)[0], choice.message.content, "the streamed JSON")
            plain = self.chat("Describe a ball.", extra_body={"acceleration": False}, **options).choices[0]
            equal(plain.message.content, choice.message.content, "the plain JSON")

    def completions(self):
        complete = self.client.completions.create
        texts = ["The sea is", "Once upon a time"]
        answer = complete(model=self.model, prompt=texts, temperature=0)
        equal(answer.object, "text_completion", "object")
        equal([choice.index for choice in answer.choices], [0, 1], "the choices' indices")
        expect(answer.usage.completion_tokens <= 32, "completions have 16 tokens unless told otherwise")
        found = [choice.text for choice in answer.choices]
        ids = [self.tokens(text) for text in texts]
        by_ids = complete(model=self.model, prompt=ids, temperature=0)
        equal([choice.text for choice in by_ids.choices], found, "the texts that follow token ids")
        alone = complete(model=self.model, prompt=ids[1], temperature=0, logprobs=2)
        equal(alone.choices[0].text, found[1], "the text that follows one list of token ids")
        logprobs = alone.choices[0].logprobs
        count = alone.usage.completion_tokens
        equal(len(logprobs.token_logprobs), count, "the number of logprobs")
        equal(len(logprobs.tokens), count, "the number of tokens")
        streamed = ["", ""]
        for chunk in complete(model=self.model, prompt=texts, temperature=0, stream=True):
            for choice in chunk.choices:
                streamed[choice.index] += choice.text
        equal(streamed, found, "the streamed texts")
        equal(self.post("/detokenize", {"tokens": self.tokens(texts[0], special=False)})["prompt"], texts[0], "detokenized")

    def refuse(self, error, param, code, call):
        try:
            call()
        except error as e:
            expect(e.body and e.body.get("message"), f"an error without a message: {e.body}")
            expect(param is None or e.param == param, f"the error's param is {e.param!r}, not {param!r}")
            expect(code is None or e.code == code, f"the error's code is {e.code!r}, not {code!r}")
            return
        raise Failed(f"no {error.__name__} was raised for {param or code}")

    def errors(self):
        bad = openai.BadRequestError
        hello = [{"role": "user", "content": "Hello."}]
        create = self.client.chat.completions.create
        self.refuse(openai.NotFoundError, None, "model_not_found", lambda: create(model="nobody", messages=hello))
        self.refuse(openai.NotFoundError, None, "model_not_found", lambda: self.client.models.retrieve("nobody"))
        self.refuse(bad, "frobnicate", None, lambda: self.chat(extra_body={"frobnicate": 1}))
        self.refuse(bad, "temperature", None, lambda: self.chat(temperature=5))
        self.refuse(bad, "tools", None, lambda: self.chat(tools=[{"type": "function", "function": {"name": "x"}}]))
        self.refuse(bad, "messages", None, lambda: self.chat([]))
        size = self.post("/tokenize", {"prompt": "a"})
        ids = size["tokens"][-1:] * (size["max_model_len"] + 1)
        long = lambda: self.client.completions.create(model=self.model, prompt=ids)
        self.refuse(bad, None, "context_length_exceeded", long)
        if self.key:
            wrong = self.client.with_options(api_key=self.key + "x")
            self.refuse(openai.AuthenticationError, None, "invalid_api_key", lambda: wrong.models.list())

    def cancellation(self):
        stream = self.chat(temperature=0, max_completion_tokens=2000, stream=True)
        for number, _ in enumerate(stream):
            if number == 2:
                break
        stream.close()
        until = time.monotonic() + 5
        while self.running() > 0:
            expect(time.monotonic() < until, "an answer still runs 5 seconds after its client has gone")
            time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="for instance http://127.0.0.1:8080")
    parser.add_argument("--api-key", help="the key that the server was started with")
    arguments = parser.parse_args()
    checks = Checks(arguments.base, arguments.api_key)
    names = ["models", "plain_chat", "several_turns", "stream", "two_choices", "seeds", "acceleration", "drafts", "logprobs"]
    names += ["logit_bias", "penalties", "stop", "length"]
    names += ["json_object", "json_schema"]
    names += ["completions", "errors", "cancellation"]
    print(f"openai {openai.__version__}, model {checks.model}")
    for name in names:
        try:
            getattr(checks, name)()
        except (Failed, openai.OpenAIError, OSError, ValueError) as e:
            print(f"FAILED  {name}: {type(e).__name__}: {e}")
            return 1
        print(f"ok      {name}", flush=True)
    print(f"{len(names)} checks passed")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
