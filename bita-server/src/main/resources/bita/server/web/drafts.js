import { element, number, svg } from './dom.js';

/** How a piece of an answer came: the name of its source as the server has it, and what that is. */
const SOURCES = {
  root: 'the model’s own choice',
  mask: 'drafted by mask tokens',
  automaton: 'drafted from text seen before, by a suffix automaton',
  recycling: 'drafted from tokens that earlier passes thought of',
  bigram: 'drafted from what the model often says behind a word',
  lookup: 'drafted from the prompt',
  lookahead: 'drafted from n-grams computed on the side',
};
const DEEPEST = 4; // shades
const BLOCK = 1000; // characters after which a block ends with its line

function title(source, depth) {
  return source === 'root' ? SOURCES.root : `${source}, depth ${depth}: ${SOURCES[source] ?? 'drafted'}`;
}

function piece(text, source, depth) {
  return element('span', {
    className: 'piece',
    textContent: text,
    title: title(source, depth),
    'data-source': source,
    'data-depth': Math.min(depth, DEEPEST),
  });
}

const NOTE = 'stronger: deeper in the draft';

/** The legend, which also tells of the piece under the pointer, or under a finger. */
export function legend() {
  const items = Object.entries(SOURCES).map(([source, meaning]) => {
    const sample = source === 'root' ? element('span', {}, 'own choice') : piece(source, source, 2);
    sample.title = meaning;
    return element('li', {}, sample);
  });
  const note = element('p', {}, NOTE);
  document.addEventListener('pointerover', ({ target }) => {
    note.textContent = target.matches?.('.raw .piece') ? target.title.split(':')[0] : NOTE;
  });
  return element('div', {}, element('ul', { 'aria-label': 'How a piece of the answer came' }, ...items), note);
}

/**
 * Writes pieces behind each other. The text goes into blocks that end at the end of a line, so that a long answer is
 * not laid out again with each piece.
 */
export class PieceWriter {
  #parent;
  #drafts;
  #block;
  #length = 0;
  #lineEnded = false;

  constructor(parent, drafts) {
    this.#parent = parent;
    this.#drafts = drafts;
  }

  write(pieces) {
    for (const [text, source, depth] of pieces) {
      if (!this.#block || (this.#lineEnded && this.#length > BLOCK)) {
        this.#block = element('div', { className: 'raw' });
        this.#parent.append(this.#block);
        this.#length = 0;
      }
      this.#length += text.length;
      this.#lineEnded = text.endsWith('\n');
      const last = this.#block.lastChild;
      if (this.#drafts && source !== 'root') {
        this.#block.append(piece(text, source, depth));
      } else if (last instanceof Text) {
        last.appendData(text);
      } else {
        this.#block.append(text);
      }
    }
  }
}

/**
 * What the pieces tell of the steps. A step's pieces are its accepted drafts and then the model's own choice; the first
 * piece of all is the prefill's. A piece may hold several tokens, so these figures are about right; the server's, which
 * come at the end, are exact.
 */
export class Progress {
  tokens = 0;
  accepted = [];
  sources = new Map();
  #run = 0;
  #first = 0;
  #last = 0;

  static of(pieces) {
    const progress = new Progress();
    progress.add(pieces);
    return progress;
  }

  add(pieces) {
    for (const [, source, , time] of pieces) {
      this.tokens += 1;
      this.sources.set(source, (this.sources.get(source) ?? 0) + 1);
      this.#last = time;
      if (this.tokens === 1) {
        this.#first = time;
      } else if (source === 'root') {
        this.accepted[this.#run] = (this.accepted[this.#run] ?? 0) + 1;
        this.#run = 0;
      } else {
        this.#run += 1;
      }
    }
  }

  /** Milliseconds from the request to the first piece. */
  get first() {
    return this.tokens > 0 ? this.#first : undefined;
  }

  /** Per second; NaN before it can be told. */
  get rate() {
    return this.#last > this.#first ? ((this.tokens - 1) * 1000) / (this.#last - this.#first) : Number.NaN;
  }

  get perStep() {
    const steps = this.accepted.reduce((sum, count) => sum + (count ?? 0), 0);
    return steps > 0 ? (this.tokens - 1 - this.#run) / steps : Number.NaN;
  }
}

/** Steps by how many drafted tokens they accepted, as bars. */
function histogram(counts) {
  const bars = Array.from(counts, (count) => count ?? 0);
  const highest = Math.max(1, ...bars);
  const told = bars.map((count, accepted) => `${accepted} accepted: ${count} ${count === 1 ? 'step' : 'steps'}`);
  const chart = svg('svg', {
    class: 'histogram',
    role: 'img',
    'aria-label': `Drafted tokens accepted per step. ${told.join(', ')}.`,
    viewBox: `0 0 ${bars.length * 16} 36`,
    width: bars.length * 16,
    height: 36,
  });
  bars.forEach((count, accepted) => {
    const height = count === 0 ? 0 : Math.max(1, (24 * count) / highest);
    chart.append(
      svg(
        'g',
        {},
        svg('title', {}, told[accepted]),
        svg('rect', { class: 'ground', x: accepted * 16, y: 0, width: 13, height: 24, rx: 1.5 }),
        svg('rect', { x: accepted * 16, y: 24 - height, width: 13, height, rx: 1.5 }),
        svg('text', { x: accepted * 16 + 6.5, y: 34.5 }, String(accepted)),
      ),
    );
  });
  return chart;
}

/** The figures below an answer. */
export class Figures {
  node = element('dl', { className: 'figures' });

  show(progress, acceleration) {
    const told = acceleration ?? {};
    const counts = told.accepted_by_step ?? progress.accepted;
    const drafted = counts.length > 1;
    const cells = [
      ['tokens/s', number(told.tokens_per_second ?? progress.rate, 1)],
      ['tokens/step', number(told.tokens_per_step ?? progress.perStep, 2)],
      ['rows/step', number(told.rows_per_step, 1)],
      ['first token', first(told.time_to_first_token_ms ?? progress.first)],
    ];
    const nodes = cells.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value)));
    if (drafted) {
      nodes.push(
        element('div', {}, element('dt', {}, 'accepted per step'), element('dd', {}, histogram(counts))),
      );
    }
    const sources = [...progress.sources].filter(([source]) => source !== 'root');
    if (sources.length > 0) {
      const list = sources.toSorted(([, a], [, b]) => b - a).map(([source, count]) => `${source} ${count}`);
      nodes.push(
        element('div', { className: 'sources' }, element('dt', {}, 'accepted from'), element('dd', {}, list.join(', '))),
      );
    }
    this.node.replaceChildren(...nodes);
  }
}

function first(milliseconds) {
  return milliseconds >= 1000 ? `${number(milliseconds / 1000, 2)} s` : `${number(milliseconds, 0)} ms`;
}
