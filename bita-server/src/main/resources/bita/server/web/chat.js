import { RequestError, ask, body, patiently } from './api.js';
import { Race } from './compare.js';
import { load, save, saveTurns } from './store.js';
import { Turn } from './turn.js';

const NAME = 'bita.conversation';
const CLEARED = 'bita.conversation.cleared';

/** The conversation: what was said, and what is being said. One answer or comparison runs at a time. */
export class Chat {
  #list = document.getElementById('conversation');
  #turns = [];
  #settings;
  #announcer;
  #scroll;
  #onChange;
  #running;
  #drafts = false;
  #actions = {
    regenerate: (turn) => this.#answer(turn),
    retry: (turn) => this.#answer(turn),
    edit: (turn, question) => this.#edit(turn, question),
    compare: (turn) => this.#compare(turn),
  };

  /** `onChange` is called when an answer begins or ends, or the conversation is emptied. */
  constructor(settings, announcer, scroll, onChange) {
    this.#settings = settings;
    this.#announcer = announcer;
    this.#scroll = scroll;
    this.#onChange = onChange;
    this.#show(load(NAME));
    addEventListener('pagehide', () => this.#keep());
  }

  get running() {
    return this.#running !== undefined;
  }

  get empty() {
    return this.#turns.length === 0;
  }

  get restorable() {
    return load(CLEARED) !== undefined;
  }

  #show(kept) {
    try {
      for (const data of kept ?? []) {
        if (data.answer?.status === 'running') {
          data.answer.status = 'stopped';
        }
        this.#add(data);
      }
      this.#turns.forEach((turn) => turn.data.answer && turn.show(turn === this.#turns.at(-1)));
    } catch {
      this.#turns = []; // kept by another version of the page
    }
    this.#list.append(...this.#turns.map((turn) => turn.node));
  }

  #add(data) {
    const turn = new Turn(data, this.#drafts, this.#actions);
    this.#turns.push(turn);
    return turn;
  }

  #keep() {
    saveTurns(NAME, this.#turns.map((turn) => turn.data));
  }

  setDrafts(drafts) {
    this.#drafts = drafts;
    this.#turns.forEach((turn) => turn.setDrafts(drafts));
  }

  clear() {
    this.stop();
    if (!this.empty) {
      saveTurns(CLEARED, this.#turns.map((turn) => turn.data));
    }
    this.#cut(0);
    this.#keep();
    this.#onChange();
  }

  restore() {
    this.#show(load(CLEARED));
    save(CLEARED, null);
    this.#keep();
    this.#onChange();
  }

  /** Removes the turns from an index on. */
  #cut(from) {
    this.#turns.splice(from).forEach((turn) => turn.node.remove());
  }

  stop() {
    this.#running?.abort();
  }

  send(question) {
    if (this.#turns.at(-1)?.data.answer) {
      this.#turns.at(-1).show(false);
    }
    const turn = this.#add({ question });
    this.#list.append(turn.node);
    this.#scroll.toEnd();
    this.#answer(turn);
  }

  /** Asks again what was refused for want of a key. */
  keyGiven() {
    if (this.#turns.at(-1)?.data.answer?.keyWanted) {
      this.#answer(this.#turns.at(-1));
    }
  }

  #edit(turn, question) {
    if (!this.running) {
      this.#cut(this.#turns.indexOf(turn));
      this.send(question);
    }
  }

  /** What was said up to a turn's question. Questions that got no answer are left out. */
  #messages(turn) {
    const before = this.#turns.slice(0, this.#turns.indexOf(turn)).filter((earlier) => earlier.answered);
    return [
      ...before.flatMap(({ data }) => [
        { role: 'user', content: data.question },
        { role: 'assistant', content: data.answer.text },
      ]),
      { role: 'user', content: turn.data.question },
    ];
  }

  /** Runs `work` as the one thing that runs, until it ends or is stopped. */
  async #run(work) {
    const controller = new AbortController();
    this.#running = controller;
    this.#onChange();
    try {
      await work(controller.signal);
    } finally {
      if (this.#running === controller) {
        this.#running = undefined;
      }
      this.#keep();
      this.#onChange();
    }
  }

  async #answer(turn) {
    if (this.running) {
      return;
    }
    const messages = this.#messages(turn);
    const settings = { ...this.#settings.values };
    const answer = { text: '', pieces: [], status: 'running', settings };
    turn.data.answer = answer;
    turn.begin();
    this.#announcer.begin();
    await this.#run(async (signal) => {
      try {
        const attempt = () => {
          turn.asking();
          return ask(answer, body(messages, settings), {
            key: this.#settings.key,
            signal,
            onPieces: (pieces) => {
              turn.add(pieces, (flush) => this.#scroll.keeping(flush));
              this.#announcer.add(pieces);
            },
          });
        };
        await patiently(attempt, signal, (error, seconds, now) =>
          this.#scroll.keeping(() => turn.waiting(error, seconds, now, () => this.stop())));
        answer.status = 'done';
      } catch (error) {
        this.#fail(error, answer);
      }
      this.#scroll.keeping(() => turn.end(turn === this.#turns.at(-1)));
      this.#announcer.end();
    });
  }

  #fail(error, answer) {
    if (error.name === 'AbortError') {
      answer.status = 'stopped';
      return;
    }
    answer.status = 'failed';
    answer.problem = error.message;
    answer.keyWanted = error.status === 401;
    this.#explain(error);
  }

  /** What is more than a message: a key to be asked for, or a fault of this page, for its console. */
  #explain(error) {
    if (error.status === 401) {
      this.#settings.askForKey(error.message);
    } else if (!(error instanceof RequestError)) {
      console.error(error);
    }
  }

  /** The same request without drafts: same messages, settings and seed, and as many tokens as there were. */
  async #compare(turn) {
    if (this.running) {
      return;
    }
    const { answer } = turn.data;
    const settings = {
      ...answer.settings,
      acceleration: false,
      seed: answer.acceleration.seed,
      max_tokens: answer.usage.completion_tokens,
    };
    const race = new Race(answer);
    turn.hideTools();
    this.#scroll.keeping(() => turn.showRace(race));
    await this.#run(async (signal) => {
      try {
        const attempt = () => ask(race.plain, body(this.#messages(turn), settings), {
          key: this.#settings.key,
          signal,
          onPieces: (pieces) => race.add(pieces),
        });
        await patiently(attempt, signal, (error, seconds) =>
          race.say(`${error.message} Trying again in ${seconds} s.`));
        answer.comparison = race.result();
        this.#scroll.keeping(() => this.#announcer.say(race.finish(answer.comparison)));
      } catch (error) {
        race.stop();
        if (error.name === 'AbortError') {
          turn.showVerdict();
        } else {
          turn.raceFailed(error.message);
          this.#explain(error);
        }
      }
      this.#scroll.keeping(() => turn.showTools(turn === this.#turns.at(-1)));
    });
  }
}
