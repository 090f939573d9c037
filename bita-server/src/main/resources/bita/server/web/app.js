import { RequestError, health, models } from './api.js';
import { Chat } from './chat.js';
import { legend } from './drafts.js';
import { element } from './dom.js';
import { Settings } from './settings.js';
import { load, save } from './store.js';

const EVERY = 15_000; // milliseconds between looks at the server's state
const SPOKEN = 2_500; // milliseconds between sentences for a screen reader

const at = (id) => document.getElementById(id);

/** Reads an answer out as it comes, whole sentences at a time. */
class Announcer {
  #node = at('announcer');
  #text = '';
  #last = 0;

  begin() {
    this.#node.replaceChildren();
    this.#text = '';
    this.#last = performance.now();
  }

  add(pieces) {
    this.#text += pieces.map(([text]) => text).join('');
    if (performance.now() - this.#last > SPOKEN) {
      const sentences = /^[^]*[.!?:\n](?=\s)/.exec(this.#text);
      if (sentences) {
        this.#tell(sentences[0]);
      }
    }
  }

  end() {
    this.#tell(this.#text);
    this.#tell('End of the answer.');
  }

  /** Says something that is not of an answer. */
  say(text) {
    this.#node.replaceChildren(element('p', {}, text));
  }

  #tell(text) {
    this.#node.append(element('p', {}, text));
    this.#text = this.#text.slice(text.length);
    this.#last = performance.now();
  }
}

/** Follows the end of the page while the reader is there. */
class Scroll {
  #page = document.documentElement;

  constructor() {
    addEventListener('scroll', () => this.offer(), { passive: true });
    addEventListener('resize', () => this.offer());
    at('latest').addEventListener('click', () => this.toEnd());
  }

  get #atEnd() {
    return this.#page.scrollHeight - this.#page.clientHeight - this.#page.scrollTop < 60;
  }

  offer() {
    at('latest').hidden = this.#atEnd;
  }

  /** Changes the page, and stays at its end if it was there. */
  keeping(change) {
    const end = this.#atEnd;
    change();
    if (end) {
      this.toEnd();
    } else {
      this.offer();
    }
  }

  toEnd() {
    this.#page.scrollTop = this.#page.scrollHeight;
    this.offer();
  }
}

// Colours

const systemDark = matchMedia('(prefers-color-scheme: dark)');

function showTheme() {
  const chosen = load('bita.theme');
  const dark = chosen ? chosen === 'dark' : systemDark.matches;
  if (chosen) {
    document.documentElement.dataset.theme = chosen;
  }
  at('theme').setAttribute('aria-pressed', String(dark));
  return dark;
}

at('theme').addEventListener('click', () => {
  const next = showTheme() ? 'light' : 'dark';
  document.documentElement.dataset.theme = next;
  save('bita.theme', next);
  at('theme').setAttribute('aria-pressed', String(next === 'dark'));
});
systemDark.addEventListener('change', showTheme);
showTheme();

// The server

async function showModel() {
  try {
    const [model] = await models(settings.key);
    at('model').textContent = model.id;
    at('model').title = model.id;
  } catch (error) {
    at('model').textContent = '';
    if (error.status === 401) {
      settings.askForKey(error.message);
    }
  }
}

async function showHealth() {
  let state = 'unreachable';
  let title = '';
  try {
    const { status, running, waiting } = await health();
    state = status === 'ok' ? 'ready' : status;
    title = `${running} running, ${waiting} waiting`;
    if (at('model').textContent === '' && state === 'ready' && at('health').dataset.state === 'unreachable') {
      showModel();
    }
  } catch (error) {
    title = error instanceof RequestError ? error.message : 'The server’s answer was not understood.';
  }
  const node = at('health');
  if (node.dataset.state !== state) {
    node.dataset.state = state;
    node.textContent = state;
  }
  node.title = title;
}

// The conversation

const settings = new Settings(() => {
  if (at('model').textContent === '') {
    showModel();
  }
  chat.keyGiven();
});
const scroll = new Scroll();
const chat = new Chat(settings, new Announcer(), scroll, showState);

function showState() {
  at('send').hidden = chat.running;
  at('stop').hidden = !chat.running;
  at('welcome').hidden = !chat.empty;
  at('clear').disabled = chat.empty;
  at('restore').hidden = !chat.empty || !chat.restorable;
  document.body.classList.toggle('busy', chat.running);
  scroll.offer();
}

function showDrafts(drafts) {
  at('drafts').setAttribute('aria-pressed', String(drafts));
  at('legend').hidden = !drafts;
  scroll.keeping(() => chat.setDrafts(drafts));
}

const message = at('message');

function fit() {
  message.style.height = 'auto';
  message.style.height = `${message.scrollHeight + 2}px`;
}

at('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  if (!chat.running && message.value.trim() !== '') {
    const text = message.value;
    message.value = '';
    fit();
    chat.send(text);
  }
  message.focus();
});
message.addEventListener('input', fit);
message.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    at('composer').requestSubmit();
  }
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !at('settings').open && chat.running) {
    event.preventDefault();
    chat.stop();
  }
});
at('stop').addEventListener('click', () => {
  chat.stop();
  message.focus();
});
at('clear').addEventListener('click', () => {
  chat.clear();
  message.focus();
});
at('restore').addEventListener('click', () => {
  chat.restore();
  message.focus();
});
at('drafts').addEventListener('click', () => {
  const drafts = at('drafts').getAttribute('aria-pressed') !== 'true';
  save('bita.drafts', drafts);
  showDrafts(drafts);
});

at('legend').append(legend());
showDrafts(load('bita.drafts') === true);
showState();
scroll.toEnd();
message.focus();
showModel();
showHealth();
setInterval(() => document.visibilityState === 'visible' && showHealth(), EVERY);
