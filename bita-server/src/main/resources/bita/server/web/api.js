/** The server's side: see docs/serve.md. */

/** What the server, or the way to it, had against a request. `status` is 0 where no answer came. */
export class RequestError extends Error {
  constructor(message, status = 0, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export const UNREACHABLE = 'The server cannot be reached. Is it still running?';
const LOST = 'The connection was lost before the answer ended.';

function headers(key) {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

async function request(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') {
      throw error;
    }
    throw new RequestError(UNREACHABLE);
  }
}

async function refusal(response) {
  let message = `The server answered with status ${response.status}.`;
  try {
    message = (await response.json()).error.message ?? message;
  } catch {
    // not the server's own error, or not JSON: the status has to do
  }
  return new RequestError(message, response.status, Number.parseInt(response.headers.get('Retry-After'), 10) || 0);
}

export async function models(key) {
  const response = await request('v1/models', { headers: headers(key) });
  if (!response.ok) {
    throw await refusal(response);
  }
  return (await response.json()).data;
}

/** Also reads the body of a server that ends (status 503). */
export async function health() {
  const response = await request('health');
  return response.json();
}

/** A 64-bit seed does not fit a number: seeds are text here. A quote within a JSON text is escaped, so none is hit. */
function parse(json) {
  return JSON.parse(json.replace(/"seed"\s*:\s*(-?\d+)/g, '"seed":"$1"'));
}

/** The body of a request: `settings` as in settings.js. */
export function body(messages, settings) {
  const { system, seed, json, ...fields } = settings;
  const text = JSON.stringify({
    messages: system ? [{ role: 'system', content: system }, ...messages] : messages,
    ...fields,
    ...(json && { response_format: { type: 'json_object' } }),
    show_drafts: true,
    stream: true,
    stream_options: { include_usage: true },
  });
  return seed === undefined ? text : `${text.slice(0, -1)},"seed":${seed}}`;
}

/** The data of the events of a response. */
async function* events(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let data = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
    rest = lines.pop();
    for (const line of lines.map((line) => line.replace(/\r$/, ''))) {
      if (line.startsWith('data:')) {
        data.push(line.slice(5).trimStart());
      } else if (line === '' && data.length > 0) {
        yield data.join('\n');
        data = [];
      }
    }
  }
}

async function* chunks(response) {
  try {
    for await (const data of events(response)) {
      if (data === '[DONE]') {
        return;
      }
      const chunk = parse(data);
      if (chunk.error) {
        throw new RequestError(chunk.error.message, response.status);
      }
      yield chunk;
    }
  } catch (error) {
    throw error instanceof TypeError ? new RequestError(LOST) : error;
  }
  throw new RequestError(LOST);
}

/**
 * Asks, and fills `answer` as the answer comes: `text`, `pieces` (each [text, source, depth, milliseconds since the
 * request]), and at the end `finish`, `acceleration` and `usage`. Calls `onPieces` with those that came.
 */
export async function ask(answer, requestBody, { key, signal, onPieces }) {
  const begin = performance.now();
  const response = await request('v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers(key) },
    body: requestBody,
    signal,
  });
  if (!response.ok) {
    throw await refusal(response);
  }
  for await (const chunk of chunks(response)) {
    answer.usage = chunk.usage ?? answer.usage;
    const choice = chunk.choices?.[0];
    if (!choice) {
      continue;
    }
    const text = choice.delta?.content ?? '';
    const drafts = choice.drafts ?? [];
    const told = drafts.map((draft) => draft.text).join('') === text;
    const now = Math.round(performance.now() - begin);
    const pieces = (told ? drafts : [{ text, source: 'root', depth: 0 }])
      .filter((piece) => piece.text !== '')
      .map(({ text, source, depth }) => [text, source, depth, now]);
    answer.text += text;
    answer.pieces.push(...pieces);
    if (choice.finish_reason) {
      answer.finish = choice.finish_reason;
      answer.acceleration = choice.acceleration;
    }
    onPieces(pieces);
  }
}

/** Waits while the server's places are taken. `onWait(error, seconds, now)` tells each second; `now()` tries at once. */
export async function patiently(attempt, signal, onWait) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error.status !== 429) {
        throw error;
      }
      await countdown(Math.max(1, error.retryAfter), signal, (seconds, now) => onWait(error, seconds, now));
    }
  }
}

function countdown(seconds, signal, tell) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
      settle(value);
    };
    const stop = () => end(reject, signal.reason);
    const now = () => end(resolve);
    const timer = setInterval(() => {
      seconds -= 1;
      if (seconds <= 0) {
        now();
      } else {
        tell(seconds, now);
      }
    }, 1000);
    signal.addEventListener('abort', stop);
    tell(seconds, now);
  });
}
