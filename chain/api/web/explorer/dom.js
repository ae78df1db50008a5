// Elements and the forms of numbers. All text goes in as text, never as markup:
// names of nodes and kinds are other people's words.
const svgNames = new Set(['svg', 'path', 'line', 'text', 'g', 'rect']);

// h makes an element: attributes, on... handlers, then children.
export function h(name, attributes, ...children) {
  const e = svgNames.has(name) ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) e.addEventListener(key.slice(2), value);
    else e.setAttribute(key, value === true ? '' : value);
  }
  e.append(...children.flat(Infinity).filter(c => c !== null && c !== undefined));
  return e;
}

// setText writes only what has changed, so that selections survive.
export function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
export const count = n => grouped.format(n);

// few shows three digits of a rate, without a tail that means nothing.
export const few = n => n >= 100 || Number.isInteger(n) ? count(n) : n.toPrecision(n >= 10 ? 3 : 2);

export function size(bytes) {
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (bytes < 1024 || unit === 'GiB') return (unit === 'B' ? count(bytes) : few(bytes)) + ' ' + unit;
    bytes /= 1024;
  }
}

export function duration(ms) {
  if (ms < 1) return (ms * 1000).toFixed(0) + ' µs';
  if (ms < 1000) return few(ms) + ' ms';
  if (ms < 60e3) return few(ms / 1000) + ' s';
  if (ms < 3600e3) return Math.floor(ms / 60e3) + ' min';
  if (ms < 48 * 3600e3) return Math.floor(ms / 3600e3) + ' h';
  return Math.floor(ms / 86400e3) + ' days';
}

export const ago = ms => ms < 1000 ? 'now' : (ms < 60e3 ? Math.floor(ms / 1000) + ' s' : duration(ms)) + ' ago';

// many counts things.
export const many = (n, one, more) => `${count(n)} ${n === 1 ? one : more}`;

export const short = hash => hash.slice(0, 8) + '…' + hash.slice(-8);

export const stamp = ms => new Date(ms).toISOString().replace('T', ' ').replace('Z', ' UTC');

export const blockLink = (hash, text) => h('a', { href: '#/block/' + hash, class: 'mono' }, text || hash);
export const txLink = (id, text) => h('a', { href: '#/tx/' + id, class: 'mono' }, text || id);

// facts is a list of names and values; values may be elements.
export const facts = list => h('dl', { class: 'facts' }, list.filter(Boolean).map(([name, value, kind]) => [h('dt', null, name), h('dd', { class: kind }, value)]));

export const table = (head, rows) => h('div', { class: 'scroll', tabindex: '0' }, h('table', null,
  h('thead', null, h('tr', null, head.map(c => h('th', { scope: 'col', class: c.number ? 'n' : null }, c.name)))),
  h('tbody', null, rows.map(r => h('tr', null, r.map((c, i) => h('td', { class: head[i].number ? 'n' : head[i].class || null }, c)))))));
