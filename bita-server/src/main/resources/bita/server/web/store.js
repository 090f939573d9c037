/** What outlives a reload. A browser that keeps nothing is no error: the page works without. */
const LIMIT = 2_000_000; // characters; browsers allow about 5 million

export function load(name, storage = () => localStorage) {
  try {
    return JSON.parse(storage().getItem(name)) ?? undefined;
  } catch {
    return undefined;
  }
}

export function save(name, value, storage = () => localStorage) {
  try {
    storage().setItem(name, JSON.stringify(value));
  } catch {
    forget(name, storage);
  }
}

function forget(name, storage) {
  try {
    storage().removeItem(name);
  } catch {
    // nothing is kept, nothing is to be forgotten
  }
}

/** Keeps a conversation; where it is long, older answers forget how they were drafted. */
export function saveTurns(name, turns) {
  let room = LIMIT;
  const kept = turns.toReversed().map((turn) => {
    const short = { ...turn, answer: turn.answer && { ...turn.answer, pieces: [] } };
    const whole = JSON.stringify(turn).length;
    const chosen = whole <= room ? turn : short;
    room -= chosen === turn ? whole : JSON.stringify(short).length;
    return chosen;
  });
  if (room >= 0) {
    save(name, kept.reverse());
  } else {
    forget(name, () => localStorage);
  }
}

export const session = () => sessionStorage;
