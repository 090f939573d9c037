import { element, number } from './dom.js';
import { Progress } from './drafts.js';

/** One side of a comparison: how far it is, how fast, and the end of its text. */
class Lane {
  #rate = element('span', { className: 'rate' });
  #bar;
  #text = element('div', { className: 'tail' });
  node;

  constructor(name, tokens) {
    this.#bar = element('progress', { max: tokens, value: 0, 'aria-label': `${name}: tokens so far` });
    this.node = element('div', { className: 'lane' }, element('h4', {}, name, this.#rate), this.#bar, this.#text);
  }

  write(pieces, tokens) {
    this.#text.append(pieces.map(([text]) => text).join(''));
    this.#text.scrollTop = this.#text.scrollHeight;
    this.#bar.value = tokens;
  }

  rate(perSecond) {
    this.#rate.textContent = Number.isFinite(perSecond) ? `${number(perSecond, 1)} tokens/s` : '';
  }

  full() {
    this.#bar.value = this.#bar.max;
  }
}

/**
 * An accelerated answer beside the same one decoded plainly. The accelerated side is played again as it came, from the
 * first token on, while the plain one arrives.
 */
export class Race {
  plain = { text: '', pieces: [] };
  #answer;
  #left;
  #right = new Progress();
  #plainLane;
  #fastLane;
  #timer = 0;
  #begun = 0;
  #played = 0;
  #verdict = element('p', { className: 'verdict' });
  node;

  constructor(answer) {
    this.#answer = answer;
    this.#left = Progress.of(answer.pieces);
    this.#fastLane = new Lane('With drafts', answer.pieces.length);
    this.#plainLane = new Lane('Plain', answer.pieces.length);
    this.#verdict.textContent = 'Asking again without drafts…';
    const lanes = element('div', { className: 'lanes' }, this.#fastLane.node, this.#plainLane.node);
    this.node = element('section', { className: 'race', 'aria-label': 'Compared with plain decoding' }, lanes, this.#verdict);
  }

  say(text) {
    this.#verdict.textContent = text;
  }

  add(pieces) {
    if (pieces.length === 0) {
      return;
    }
    if (this.#right.tokens === 0) {
      this.#begun = performance.now();
      this.#timer = setInterval(() => this.#play(), 50);
      this.say('');
    }
    this.#right.add(pieces);
    this.#plainLane.write(pieces, this.#right.tokens);
    this.#plainLane.rate(this.#right.rate);
    this.#play();
  }

  #play() {
    const until = this.#left.first + performance.now() - this.#begun;
    const from = this.#played;
    while (this.#played < this.#answer.pieces.length && this.#answer.pieces[this.#played][3] <= until) {
      this.#played += 1;
    }
    this.#fastLane.write(this.#answer.pieces.slice(from, this.#played), this.#played);
    this.#fastLane.rate(this.#answer.acceleration.tokens_per_second);
    const ratio = this.#answer.acceleration.tokens_per_second / this.#right.rate;
    if (Number.isFinite(ratio)) {
      this.say(`${number(ratio, 2)}× as fast so far`);
    }
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** What came out, once both have ended. */
  result() {
    this.stop();
    this.#fastLane.write(this.#answer.pieces.slice(this.#played), this.#answer.pieces.length);
    this.#plainLane.full();
    const plainRate = this.plain.acceleration?.tokens_per_second ?? this.#right.rate;
    this.#plainLane.rate(plainRate);
    return {
      fast: this.#answer.acceleration.tokens_per_second,
      plain: plainRate,
      seed: this.#answer.acceleration.seed,
      difference: difference(this.#answer.text, this.plain.text),
    };
  }

  /** Shows the verdict, and gives it as text. */
  finish(result) {
    const node = verdict(result);
    this.#verdict.replaceWith(node);
    return node.textContent;
  }
}

/** Where two texts part, with what follows there in each; nothing if they are the same. */
function difference(left, right) {
  if (left === right) {
    return undefined;
  }
  let at = 0;
  while (left[at] === right[at]) {
    at += 1;
  }
  const cut = (text) => (at < text.length ? `“${text.slice(at, at + 40)}”` : 'the end');
  return { at, left: cut(left), right: cut(right) };
}

/** The outcome in words. */
export function verdict({ fast, plain, seed, difference }) {
  if (!difference) {
    return element(
      'p',
      { className: 'verdict good' },
      element('strong', {}, `${number(fast / plain, 2)}×, same text`),
      ` ${number(fast, 1)} tokens/s with drafts, ${number(plain, 1)} without, as the server measured them.`,
    );
  }
  return element(
    'p',
    { className: 'verdict bad' },
    element('strong', {}, 'The texts differ. '),
    `This must not happen: drafts change the speed, never the text. From character ${difference.at + 1} on it is `,
    `${difference.left} with drafts and ${difference.right} without. Please report it, with the model, the question, the settings and the seed, ${seed}.`,
  );
}
