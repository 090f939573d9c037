"""Renders the templates beside families.jsonl as Hugging Face transformers does, and writes families.jsonl anew.

python templates.py ../resources/bita/model/template/families   (needs jinja2)
"""
import json
import sys
from pathlib import Path

from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

folder = Path(sys.argv[1])
TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "Get the weather",
    "parameters": {"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string", "description": "City <name> & \"é\""}, "days": {"type": "integer"}}}}}]
CALL = {"id": "abcdef123", "type": "function",
        "function": {"name": "get_weather", "arguments": {"city": "Paris", "days": 2}}}
USER = {"role": "user", "content": "  Hello, what's up? "}
SCENARIOS = {
    "user": {"messages": [USER], "add_generation_prompt": True},
    "turns": {"messages": [
        {"role": "system", "content": " You are <b>terse</b> & kind."},
        {"role": "user", "content": " Hi 你好"},
        {"role": "assistant", "content": "Hello \"you\"!\n"},
        {"role": "user", "content": "Again\nplease"}], "add_generation_prompt": True},
    "answered": {"messages": [USER, {"role": "assistant", "content": "B"}], "add_generation_prompt": False},
    "parts": {"messages": [{"role": "user", "content": [
        {"type": "image"}, {"type": "text", "text": " What is this? "}]}], "add_generation_prompt": True},
    "twice": {"messages": [USER, USER], "add_generation_prompt": True},
    "tools": {"messages": [
        {"role": "user", "content": "Weather in Paris?"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "name": "get_weather", "tool_call_id": "abcdef123", "content": "{\"t\": 20}"},
        {"role": "user", "content": "And now?"}], "tools": TOOLS, "add_generation_prompt": True},
}
PLAIN = ["user", "turns", "answered", "twice"]
WHICH = {
    "gemma3-like": PLAIN + ["parts"],
    "mistral-nemo-instruct": PLAIN + ["tools"],
    "qwen2.5-instruct": PLAIN + ["tools"],
}


def refuse(message):
    raise TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = refuse
with open(folder / "families.jsonl", "w", encoding="utf-8") as out:
    for file in sorted(folder.glob("*.jinja")):
        template = environment.from_string(file.read_text(encoding="utf-8"))
        for scenario in WHICH.get(file.stem, PLAIN):
            variables = {"bos_token": "<s>", "eos_token": "</s>", **SCENARIOS[scenario]}
            case = {"template": file.name, "scenario": scenario, "variables": variables}
            try:
                case["text"] = template.render(**variables)
            except (TemplateError, TypeError) as error:
                case["error"] = str(error)
            out.write(json.dumps(case, ensure_ascii=False) + "\n")
