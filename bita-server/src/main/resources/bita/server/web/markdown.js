import { element } from './dom.js';

/**
 * The Markdown that models write, as nodes: paragraphs, headings, lists, quotes, code, emphasis, links. Anything else,
 * HTML above all, stays the text that it is.
 */
const INLINE = new RegExp(
  [
    '`([^`\\n]+)`',
    '\\*\\*([^*\\n]+)\\*\\*',
    '\\*([^*\\s][^*\\n]*)\\*',
    '(?<!\\w)_([^_\\s][^_\\n]*)_(?!\\w)',
    '\\[([^\\[\\]\\n]+)\\]\\((https?://[^\\s()]+)\\)',
  ].join('|'),
  'g',
);
const FENCE = /^\s*```/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const ITEM = /^(\s{0,12})(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const QUOTE = /^(?:>\s?)+/;
const RULE = /^\s*(?:-{3,}|\*{3,}|_{3,})\s*$/;

function link(label, address) {
  return element('a', { href: address, rel: 'noopener noreferrer', target: '_blank' }, ...inline(label));
}

function inline(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, strong, starred, underlined, label, address] = match;
    nodes.push(text.slice(end, match.index));
    end = match.index + whole.length;
    if (code) {
      nodes.push(element('code', {}, code));
    } else if (strong) {
      nodes.push(element('strong', {}, ...inline(strong)));
    } else if (label) {
      nodes.push(link(label, address));
    } else {
      nodes.push(element('em', {}, ...inline(starred ?? underlined)));
    }
  }
  nodes.push(text.slice(end));
  return nodes;
}

/** Takes lines from the front while they fit. */
function take(lines, fits) {
  const end = lines.findIndex((line) => !fits(line));
  return lines.splice(0, end < 0 ? lines.length : end);
}

function code(lines) {
  lines.shift();
  const body = take(lines, (line) => !FENCE.test(line));
  lines.shift();
  return element('pre', { tabIndex: 0 }, element('code', {}, body.join('\n')));
}

/** A list and those within it, by their indentation. */
function list(lines) {
  const [, indent, first] = ITEM.exec(lines[0]);
  const node = first ? element('ol', { start: Number(first) }) : element('ul');
  while (lines.length > 0) {
    const item = ITEM.exec(lines[0]);
    if (item && item[1].length > indent.length + 1 && node.lastChild) {
      node.lastChild.append(list(lines));
    } else if (item && item[1].length + 1 >= indent.length && Boolean(item[2]) === Boolean(first)) {
      lines.shift();
      node.append(element('li', {}, ...inline(item[3])));
    } else if (!item && /^\s+\S/.test(lines[0]) && !FENCE.test(lines[0])) {
      node.lastChild.append(' ', ...inline(lines.shift().trim()));
    } else if (lines[0] === '' && ITEM.test(lines[1] ?? '')) {
      lines.shift();
    } else {
      break;
    }
  }
  return node;
}

function plain(line) {
  return line.trim() !== '' && ![FENCE, HEADING, ITEM, QUOTE, RULE].some((form) => form.test(line));
}

function paragraph(lines) {
  return element('p', {}, ...inline(take(lines, plain).join('\n')));
}

function block(lines) {
  const [line] = lines;
  const heading = HEADING.exec(line);
  if (FENCE.test(line)) {
    return code(lines);
  } else if (heading) {
    lines.shift();
    return element(`h${Math.min(6, heading[1].length + 2)}`, {}, ...inline(heading[2]));
  } else if (RULE.test(line)) {
    lines.shift();
    return element('hr');
  } else if (ITEM.test(line)) {
    return list(lines);
  } else if (QUOTE.test(line)) {
    const quoted = take(lines, (next) => QUOTE.test(next)).map((next) => next.replace(QUOTE, ''));
    return element('blockquote', {}, ...inline(quoted.join('\n')));
  }
  return paragraph(lines);
}

export function markdown(text) {
  const lines = text.split('\n');
  const nodes = [];
  while (lines.length > 0) {
    if (lines[0].trim() === '') {
      lines.shift();
    } else {
      nodes.push(block(lines));
    }
  }
  return nodes;
}
