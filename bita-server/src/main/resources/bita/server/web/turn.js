import { button, copy, element } from './dom.js';
import { verdict } from './compare.js';
import { Figures, PieceWriter, Progress } from './drafts.js';
import { markdown } from './markdown.js';

const EVERY = 150; // milliseconds between looks at the figures while an answer comes

/**
 * A question and its answer on the page. `actions` are the chat's: regenerate, retry, edit, compare, each called with the
 * turn.
 */
export class Turn {
  node = element('article', { className: 'turn' });
  #actions;
  #drafts;
  #question = element('div', { className: 'question' });
  #reply = element('div', { className: 'answer' });
  #writer;
  #pending = [];
  #frame = 0;
  #progress = new Progress();
  #shown = 0;
  #body = element('div', { className: 'body' });
  #state = element('p', { className: 'state' });
  #figures = new Figures();
  #tools = element('div', { className: 'tools' });
  #problem = element('div', { className: 'place' });
  #race = element('div', { className: 'place' });

  /** `data` is what is kept: `question` and, once it was asked, `answer`. */
  constructor(data, drafts, actions) {
    this.data = data;
    this.#drafts = drafts;
    this.#actions = actions;
    this.node.append(
      element('h2', { className: 'hidden' }, 'You'),
      this.#question,
      element('h2', { className: 'hidden' }, 'Answer'),
      this.#reply,
    );
    this.#reply.append(this.#body, this.#state, this.#problem, this.#figures.node, this.#tools, this.#race);
    this.#showQuestion();
  }

  get answered() {
    return this.data.answer !== undefined && (this.data.answer.status === 'done' || this.data.answer.text !== '');
  }

  // The question

  #showQuestion() {
    this.#question.replaceChildren(
      element('div', { className: 'said' }, this.data.question),
      button('Edit', () => this.#edit(), { className: 'quiet edit', 'aria-label': 'Edit this message' }),
    );
  }

  #edit() {
    const area = element('textarea', { value: this.data.question, rows: 3, 'aria-label': 'Edit the message' });
    const close = () => {
      this.#showQuestion();
      this.#question.querySelector('button').focus();
    };
    const send = () => area.value.trim() !== '' && this.#actions.edit(this, area.value);
    area.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        close();
      } else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        send();
      }
    });
    const row = element('div', { className: 'tools' }, button('Send again', send), button('Cancel', close));
    this.#question.replaceChildren(element('div', { className: 'editor' }, area, row));
    area.focus();
  }

  // The answer while it comes

  begin() {
    this.#progress = new Progress();
    this.#pending = [];
    this.#problem.replaceChildren();
    this.#race.replaceChildren();
    this.#tools.replaceChildren();
    this.#figures.node.replaceChildren();
    this.#body.replaceChildren();
    this.#writer = new PieceWriter(this.#body, this.#drafts);
    this.#reply.setAttribute('aria-busy', 'true');
    this.#reply.classList.add('coming');
    this.#state.textContent = 'Reading the question';
  }

  /** Pieces that came; `then` is called when they are on the page. */
  add(pieces, then) {
    this.#pending.push(...pieces);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      then(() => this.#flush());
    });
  }

  #flush() {
    if (this.#pending.length === 0) {
      return;
    }
    this.#state.textContent = '';
    this.#writer.write(this.#pending);
    this.#progress.add(this.#pending);
    this.#pending = [];
    if (performance.now() - this.#shown > EVERY) {
      this.#figures.show(this.#progress);
      this.#shown = performance.now();
    }
  }

  waiting(error, seconds, now, stop) {
    this.#state.textContent = '';
    const unit = seconds === 1 ? 'second' : 'seconds';
    const text = `Trying again in ${seconds} ${unit}.`;
    const shown = this.#problem.querySelector('.countdown');
    if (shown) {
      shown.textContent = text;
      return;
    }
    const tools = element('div', { className: 'tools' }, button('Try now', () => {
      this.#problem.replaceChildren();
      now();
    }), button('Cancel', stop));
    const count = element('p', { className: 'countdown' }, text);
    this.#problem.replaceChildren(problem('The server is busy', error.message, count, tools));
  }

  asking() {
    this.#problem.replaceChildren();
    this.#state.textContent = 'Reading the question';
  }

  /** The answer has ended, one way or another; `last` says whether it is the conversation's last. */
  end(last) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#reply.removeAttribute('aria-busy');
    this.#reply.classList.remove('coming');
    this.show(last);
  }

  // The answer when it has ended

  setDrafts(drafts) {
    this.#drafts = drafts;
    if (this.#reply.classList.contains('coming')) {
      this.#body.replaceChildren();
      this.#writer = new PieceWriter(this.#body, drafts);
      this.#progress.add(this.#pending);
      this.#pending = [];
      this.#writer.write(this.data.answer.pieces);
    } else if (this.data.answer) {
      this.#showBody();
    }
  }

  #showBody() {
    const { text, pieces } = this.data.answer;
    this.#body.replaceChildren();
    if (this.#drafts && pieces.length > 0) {
      new PieceWriter(this.#body, true).write(pieces);
    } else {
      this.#body.append(...markdown(text));
    }
  }

  show(last) {
    const { answer } = this.data;
    this.#showBody();
    this.#state.textContent = state(answer);
    this.#progress = Progress.of(answer.pieces);
    if (answer.acceleration || answer.pieces.length > 0) {
      this.#figures.show(this.#progress, answer.acceleration);
    }
    this.#problem.replaceChildren();
    if (answer.problem) {
      const retry = last ? [button('Try again', () => this.#actions.retry(this))] : [];
      this.#problem.append(problem('No answer', answer.problem, element('div', { className: 'tools' }, ...retry)));
      if (answer.text !== '') {
        this.#problem.querySelector('strong').textContent = 'The answer broke off';
      }
    }
    this.showVerdict();
    this.showTools(last);
  }

  showTools(last) {
    const { answer } = this.data;
    const tools = [];
    if (answer.text !== '') {
      tools.push(button('Copy', (event) => copied(event.currentTarget, answer.text), { className: 'quiet' }));
    }
    if (last && answer.status !== 'failed') {
      tools.push(button('Regenerate', () => this.#actions.regenerate(this), { className: 'quiet' }));
    }
    if (answer.status === 'done' && answer.acceleration?.enabled && answer.usage && answer.pieces.length > 0) {
      tools.push(button('Compare with plain', () => this.#actions.compare(this), { className: 'quiet compare' }));
    }
    this.#tools.replaceChildren(...tools);
  }

  hideTools() {
    this.#tools.replaceChildren();
  }

  showRace(race) {
    this.#race.replaceChildren(race.node);
  }

  /** Without the lanes: what the last comparison said, if there was one. */
  showVerdict() {
    const { comparison } = this.data.answer;
    this.#race.replaceChildren(...(comparison ? [verdict(comparison)] : []));
  }

  raceFailed(message) {
    const again = element('div', { className: 'tools' }, button('Try again', () => this.#actions.compare(this)));
    this.#race.replaceChildren(problem('Not compared', message, again));
  }
}

function state(answer) {
  if (answer.status === 'stopped') {
    return answer.text === '' ? 'Stopped before the answer began.' : 'Stopped.';
  }
  if (answer.status === 'done' && answer.finish === 'length') {
    return 'Ended at the most tokens asked for, or at the end of the context.';
  }
  return answer.status === 'done' && answer.text === '' ? 'The model gave an empty answer.' : '';
}

function problem(heading, message, ...rest) {
  return element(
    'div',
    { className: 'problem', role: 'alert' },
    element('p', {}, element('strong', {}, heading), element('span', {}, message)),
    ...rest,
  );
}

async function copied(node, text) {
  try {
    await copy(text);
    node.textContent = 'Copied';
  } catch (error) {
    node.textContent = `Not copied: ${error.message}`;
  }
  setTimeout(() => {
    node.textContent = 'Copy';
  }, 1500);
}
