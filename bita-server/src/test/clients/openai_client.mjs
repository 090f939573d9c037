// Talks to a server with OpenAI's own Node client and checks what comes back, as openai_client.py does with the Python one.
//
//     npm install openai
//     node openai_client.mjs http://127.0.0.1:8080 [--api-key KEY]
//
// One line for each check; ends with status 1 at the first that fails. The package is looked for beside this file.

import OpenAI from 'openai';
import { VERSION } from 'openai/version';
import { parseArgs, isDeepStrictEqual } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'api-key': { type: 'string' } },
});
const base = positionals[0].replace(/\/$/, '');
const key = values['api-key'];
const client = new OpenAI({ baseURL: base + '/v1', apiKey: key ?? 'none', maxRetries: 0, timeout: 120_000 });
let model;

class Failed extends Error {}

function expect(condition, message) {
  if (!condition) throw new Failed(message);
}

function equal(found, wanted, what) {
  expect(isDeepStrictEqual(found, wanted), `${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

function chat(options = {}, content = 'Tell me about the sea.') {
  const messages = typeof content === 'string' ? [{ role: 'user', content }] : content;
  return client.chat.completions.create({ model, messages, max_completion_tokens: 24, ...options });
}

async function post(path, body) {
  const headers = { 'Content-Type': 'application/json', ...(key ? { Authorization: 'Bearer ' + key } : {}) };
  const response = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(response.ok, `${path} answers ${response.status}`);
  return response.json();
}

async function tokens(text, special = true) {
  return (await post('/tokenize', { prompt: text, add_special_tokens: special })).tokens;
}

// The id of a token by its text; some models have tokens that no text leads to.
async function token(text) {
  const ids = await tokens(text, false);
  if (ids.length === 1) return ids[0];
  for (let id = 0; id < 1000; id++) {
    if ((await post('/detokenize', { tokens: [id] })).prompt === text) return id;
  }
  throw new Failed(`no token is ${text}`);
}

function figures(choice, accelerated = true) {
  const all = choice.acceleration;
  expect(all, 'a finished choice has no acceleration');
  equal(all.enabled, accelerated, 'acceleration.enabled');
  const names = ['steps', 'rows_per_step', 'tokens_per_step', 'drafted_tokens', 'accepted_tokens', 'tokens_per_second'];
  for (const name of [...names, 'time_to_first_token_ms', 'reused_prompt_tokens', 'seed']) {
    equal(typeof all[name], 'number', `the type of acceleration.${name}`);
  }
  equal(all.accepted_by_step.reduce((sum, count) => sum + count, 0), all.steps, 'the sum of accepted_by_step');
  return all;
}

async function streamed(options, content) {
  let text = '';
  let end;
  let usage;
  const stream = await chat({ ...options, stream: true, stream_options: { include_usage: true } }, content);
  for await (const chunk of stream) {
    expect(!usage, 'something came after the usage');
    if (chunk.usage) {
      equal(chunk.choices, [], 'choices of the chunk with usage');
      usage = chunk.usage;
      continue;
    }
    expect(!end, 'a choice came after its finish_reason');
    const choice = chunk.choices[0];
    text += choice.delta.content ?? '';
    if (choice.finish_reason) end = choice;
  }
  expect(end, 'a stream had no finish_reason');
  expect(usage, 'a stream had no usage');
  return { text, end, usage };
}

async function refuse(error, expected, call) {
  try {
    await call();
  } catch (e) {
    if (!(e instanceof error)) throw e;
    for (const [name, value] of Object.entries(expected)) equal(e[name], value, `the error's ${name}`);
    return;
  }
  throw new Failed(`no ${error.name} was thrown for ${JSON.stringify(expected)}`);
}

const schema = {
  type: 'object',
  properties: {
    colour: { type: 'string', enum: ['red', 'green', 'blue'] },
    bright: { type: 'boolean' },
    parts: { type: 'array', items: { type: 'integer', minimum: 0, maximum: 9 }, minItems: 1, maxItems: 3 },
  },
  required: ['colour', 'bright', 'parts'],
  additionalProperties: false,
};

const checks = {
  async models() {
    const list = [];
    for await (const one of client.models.list()) list.push(one);
    equal(list.length, 1, 'the number of models');
    equal((await client.models.retrieve(model)).id, model, 'the retrieved model');
  },

  async plain_chat() {
    const answer = await chat({ temperature: 0 });
    equal(answer.object, 'chat.completion', 'object');
    equal(answer.choices.length, 1, 'the number of choices');
    expect(answer.choices[0].message.content, 'the answer is empty');
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    equal(total_tokens, prompt_tokens + completion_tokens, 'total_tokens');
  },

  async several_turns() {
    const messages = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Hello.' }];
    let last = 0;
    for (let turn = 0; turn < 3; turn++) {
      const answer = await chat({ temperature: 0 }, messages);
      expect(answer.usage.prompt_tokens > last, `turn ${turn} has no longer prompt than the one before`);
      last = answer.usage.prompt_tokens;
      messages.push(answer.choices[0].message, { role: 'user', content: [{ type: 'text', text: 'And then?' }] });
    }
  },

  async stream() {
    const { text, end, usage } = await streamed({ temperature: 0 });
    const whole = await chat({ temperature: 0 });
    equal(text, whole.choices[0].message.content, 'the streamed text');
    equal(end.finish_reason, whole.choices[0].finish_reason, 'the streamed finish_reason');
    equal(usage.completion_tokens, whole.usage.completion_tokens, 'the streamed completion_tokens');
    figures(end);
  },

  async stream_helper() {
    const runner = client.chat.completions.stream({
      model, messages: [{ role: 'user', content: 'Tell me about the sea.' }], temperature: 0, max_completion_tokens: 24,
    });
    let text = '';
    runner.on('content', (piece) => (text += piece));
    const answer = await runner.finalChatCompletion();
    equal(text, answer.choices[0].message.content, 'the text that the helper gathered');
  },

  async two_choices() {
    const answer = await chat({ n: 2, temperature: 1, seed: 7 });
    equal(answer.choices.map((choice) => choice.index), [0, 1], "the choices' indices");
    const texts = answer.choices.map((choice) => choice.message.content);
    expect(texts[0] !== texts[1], `both choices are ${texts[0]}`);
    const pieces = ['', ''];
    for await (const chunk of await chat({ n: 2, temperature: 1, seed: 7, stream: true })) {
      for (const choice of chunk.choices) pieces[choice.index] += choice.delta.content ?? '';
    }
    equal(pieces, texts, 'the streamed choices');
  },

  async seeds() {
    const options = { temperature: 1, top_p: 0.95, top_k: 50, min_p: 0.001, seed: 42 };
    const first = (await chat(options)).choices[0];
    equal(figures(first).seed, 42, 'the reported seed');
    equal((await chat(options)).choices[0].message.content, first.message.content, 'the text of the same seed');
    equal((await streamed(options)).text, first.message.content, 'the streamed text of the same seed');
  },

  async acceleration() {
    for (const options of [{ temperature: 0 }, { temperature: 0.8, seed: 3 }]) {
      const plain = (await chat({ ...options, max_completion_tokens: 60, acceleration: false })).choices[0];
      const fast = (await chat({ ...options, max_completion_tokens: 60, acceleration: true })).choices[0];
      equal(fast.message.content, plain.message.content, 'the accelerated text');
      equal(figures(plain, false).drafted_tokens, 0, 'plain drafted_tokens');
      figures(fast);
    }
  },

  async logprobs() {
    const choice = (await chat({ temperature: 0, logprobs: true, top_logprobs: 3 })).choices[0];
    for (const token of choice.logprobs.content) {
      equal(token.top_logprobs.length, 3, 'the number of top_logprobs');
      equal(token.top_logprobs[0].token, token.token, 'the likeliest token of a greedy answer');
    }
  },

  async logit_bias() {
    const options = { temperature: 0, logprobs: true };
    const usual = (await chat(options)).choices[0].logprobs.content[0].token;
    const banned = await chat({ ...options, logit_bias: { [await token(usual)]: -100 } });
    const found = banned.choices[0].logprobs.content.map((token) => token.token);
    expect(!found.includes(usual), `${usual} was banned and came`);
  },

  async stop() {
    const text = (await chat({ temperature: 0 })).choices[0].message.content;
    const at = text.indexOf(' ', text.length / 3);
    const stop = text.slice(at, at + 4);
    const choice = (await chat({ temperature: 0, stop: ['no such text', stop] })).choices[0];
    equal(choice.message.content, text.slice(0, text.indexOf(stop)), `the text before '${stop}'`);
    equal(choice.finish_reason, 'stop', 'finish_reason');
  },

  async length() {
    const answer = await chat({ temperature: 0, max_completion_tokens: 5 });
    equal(answer.choices[0].finish_reason, 'length', 'finish_reason');
    equal(answer.usage.completion_tokens, 5, 'completion_tokens');
  },

  async json_object() {
    const options = { response_format: { type: 'json_object' }, temperature: 1, max_completion_tokens: 120 };
    const [closing] = await tokens('}', false); // a model that talks at random seldom ends an object by itself
    const biased = { ...options, seed: 1, logit_bias: { [closing]: 100 } };
    const ended = (await chat(biased, 'Describe a ball as JSON.')).choices[0];
    equal(ended.finish_reason, 'stop', 'finish_reason');
    equal(typeof JSON.parse(ended.message.content), 'object', 'the type of the JSON');
    for (let seed = 0; seed < 3; seed++) {
      const choice = (await chat({ ...options, seed }, 'Describe a ball as JSON.')).choices[0];
      expect(choice.message.content.trimStart().startsWith('{'), `no object: ${choice.message.content}`);
      if (choice.finish_reason === 'stop') {
        equal(typeof JSON.parse(choice.message.content), 'object', 'the type of the JSON');
      }
    }
  },

  async json_schema() {
    const response_format = { type: 'json_schema', json_schema: { name: 'ball', strict: true, schema } };
    for (const options of [{ temperature: 0 }, { temperature: 1, seed: 1 }]) {
      const all = { ...options, response_format, max_completion_tokens: 120 };
      const choice = (await chat(all, 'Describe a ball.')).choices[0];
      equal(choice.finish_reason, 'stop', 'finish_reason');
      const value = JSON.parse(choice.message.content);
      equal(Object.keys(value).sort(), ['bright', 'colour', 'parts'], 'the names');
      expect(schema.properties.colour.enum.includes(value.colour), `colour is ${value.colour}`);
      equal(typeof value.bright, 'boolean', 'the type of bright');
      expect(value.parts.length >= 1 && value.parts.length <= 3, `parts is ${value.parts}`);
      expect(value.parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 9), `parts is ${value.parts}`);
      equal((await streamed(all, 'Describe a ball.')).text, choice.message.content, 'the streamed JSON');
    }
  },

  async completions() {
    const prompt = ['The sea is', 'Once upon a time'];
    const answer = await client.completions.create({ model, prompt, temperature: 0 });
    equal(answer.choices.map((choice) => choice.index), [0, 1], "the choices' indices");
    const found = answer.choices.map((choice) => choice.text);
    const ids = [await tokens(prompt[0]), await tokens(prompt[1])];
    const byIds = await client.completions.create({ model, prompt: ids, temperature: 0 });
    equal(byIds.choices.map((choice) => choice.text), found, 'the texts that follow token ids');
    const pieces = ['', ''];
    for await (const chunk of await client.completions.create({ model, prompt, temperature: 0, stream: true })) {
      for (const choice of chunk.choices) pieces[choice.index] += choice.text;
    }
    equal(pieces, found, 'the streamed texts');
  },

  async errors() {
    const messages = [{ role: 'user', content: 'Hello.' }];
    const nobody = { model: 'nobody', messages };
    await refuse(OpenAI.NotFoundError, { status: 404, code: 'model_not_found' }, () => client.chat.completions.create(nobody));
    await refuse(OpenAI.BadRequestError, { status: 400, param: 'frobnicate' }, () => chat({ frobnicate: 1 }));
    await refuse(OpenAI.BadRequestError, { status: 400, param: 'temperature' }, () => chat({ temperature: 5 }));
    if (key) {
      const wrong = client.withOptions({ apiKey: key + 'x' });
      const refused = { status: 401, code: 'invalid_api_key' };
      await refuse(OpenAI.AuthenticationError, refused, () => wrong.models.retrieve(model));
    }
  },

  async cancellation() {
    const stream = await chat({ temperature: 0, max_completion_tokens: 2000, stream: true });
    let pieces = 0;
    for await (const _ of stream) {
      if (++pieces === 3) break;
    }
    stream.controller.abort();
    const until = Date.now() + 5000;
    while ((await (await fetch(base + '/health')).json()).running > 0) {
      expect(Date.now() < until, 'an answer still runs 5 seconds after its client has gone');
      await new Promise((done) => setTimeout(done, 50));
    }
  },
};

model = (await client.models.list()).data[0].id;
console.log(`openai ${VERSION}, model ${model}`);
const names = Object.keys(checks);
for (const name of names) {
  try {
    await checks[name]();
  } catch (e) {
    console.log(`FAILED  ${name}: ${e.constructor.name}: ${e.message}`);
    process.exit(1);
  }
  console.log(`ok      ${name}`);
}
console.log(`${names.length} checks passed`);
