import { element } from './dom.js';
import { load, save, session } from './store.js';

/**
 * What the user chose, by the names of the request's fields; a field that is not there is left to the server. `system` and
 * `json` are the page's own; `seed` is text, since a number does not hold 64 bits.
 */
const DEFAULTS = { acceleration: true, json: false };
const NAME = 'bita.settings';
const KEY = 'bita.key';

const decimal = (text) => (/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN);
const whole = (text) => (/^\d{1,9}$/.test(text) ? Number(text) : Number.NaN);

/** Each takes a text and gives the value, or undefined if it is wrong. */
const FIELDS = {
  temperature: { message: 'a number from 0 to 2', read: (text) => within(decimal(text), (x) => x >= 0 && x <= 2) },
  top_p: { message: 'a number above 0, up to 1', read: (text) => within(decimal(text), (x) => x > 0 && x <= 1) },
  top_k: { message: 'a whole number, 0 or more', read: (text) => within(whole(text), (x) => x >= 0) },
  min_p: { message: 'a number from 0 to 1', read: (text) => within(decimal(text), (x) => x >= 0 && x <= 1) },
  max_tokens: { message: 'a whole number, 1 or more', read: (text) => within(whole(text), (x) => x >= 1) },
  seed: { message: 'a whole number of 64 bits', read: seed },
};

function within(value, holds) {
  return holds(value) ? value : undefined;
}

function seed(text) {
  if (!/^-?\d{1,19}$/.test(text)) {
    return undefined;
  }
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? value.toString() : undefined;
}

/** Reads what was kept as if it had been typed: it may be of another version, or have been changed. */
function restored() {
  const kept = load(NAME) ?? {};
  const settings = { ...DEFAULTS };
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = kept[name] === undefined ? undefined : field.read(String(kept[name]));
    if (value !== undefined) {
      settings[name] = value;
    }
  }
  if (typeof kept.system === 'string' && kept.system !== '') {
    settings.system = kept.system;
  }
  settings.acceleration = kept.acceleration !== false;
  settings.json = kept.json === true;
  return settings;
}

export class Settings {
  values = restored();
  key = load(KEY, session) ?? '';
  #dialog = document.getElementById('settings');
  #form = this.#dialog.querySelector('form');
  #onDone;

  /** `onDone` is called when the dialog was closed with changes to keep. */
  constructor(onDone) {
    this.#onDone = onDone;
    this.#form.addEventListener('submit', (event) => this.#submit(event));
    this.#form.addEventListener('focusout', (event) => this.#check(event.target));
    this.#form.addEventListener('input', (event) => event.target.ariaInvalid === 'true' && this.#check(event.target));
    document.getElementById('open-settings').addEventListener('click', () => this.open());
    document.getElementById('cancel-settings').addEventListener('click', () => this.#dialog.close());
    document.getElementById('reset').addEventListener('click', () => this.#fill(DEFAULTS));
    for (const name of Object.keys(FIELDS)) {
      const note = element('p', { className: 'wrong', id: `${name}-wrong`, role: 'alert' });
      this.#form.elements[name].after(note);
      this.#form.elements[name].setAttribute('aria-describedby', note.id);
    }
  }

  open() {
    if (this.#dialog.open) {
      return;
    }
    this.#fill(this.values);
    this.#form.elements.key.value = this.key;
    this.#note('Kept until this tab is closed.', false);
    this.#dialog.showModal();
  }

  askForKey(message) {
    this.open();
    this.#note(message, true);
    this.#form.elements.key.focus();
    this.#form.elements.key.select();
  }

  #note(text, wrong) {
    const note = document.getElementById('key-note');
    note.textContent = text;
    note.classList.toggle('wrong', wrong);
  }

  #fill(values) {
    const { elements } = this.#form;
    for (const name of Object.keys(FIELDS)) {
      elements[name].value = values[name] ?? '';
      this.#check(elements[name]);
    }
    elements.system.value = values.system ?? '';
    elements.acceleration.checked = values.acceleration;
    elements.json.checked = values.json;
  }

  /** Shows what is wrong with a field, and says whether it is right. */
  #check(input) {
    const field = FIELDS[input.name];
    if (!field) {
      return true;
    }
    const text = input.value.trim();
    const right = text === '' || field.read(text) !== undefined;
    input.ariaInvalid = right ? 'false' : 'true';
    document.getElementById(`${input.name}-wrong`).textContent = right ? '' : `Must be ${field.message}.`;
    return right;
  }

  #submit(event) {
    const { elements } = this.#form;
    const inputs = Object.keys(FIELDS).map((name) => elements[name]);
    const wrong = inputs.filter((input) => !this.#check(input));
    if (wrong.length > 0) {
      event.preventDefault();
      wrong[0].focus();
      return;
    }
    this.values = { acceleration: elements.acceleration.checked, json: elements.json.checked };
    if (elements.system.value.trim() !== '') {
      this.values.system = elements.system.value;
    }
    for (const input of inputs.filter((input) => input.value.trim() !== '')) {
      this.values[input.name] = FIELDS[input.name].read(input.value.trim());
    }
    this.key = elements.key.value.trim();
    save(NAME, this.values);
    save(KEY, this.key, session);
    this.#onDone();
  }
}
