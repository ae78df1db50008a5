// The explorer: what the node tells is kept in the model, and shown once for
// each picture that the screen takes.
import { h, count, few, many, size, duration, ago, short, setText } from './dom.js';
import { get, orNull, token } from './api.js';
import { follow } from './live.js';
import { Strip } from './strip.js';
import * as pages from './pages.js';

const $ = id => document.getElementById(id);
const blocksKept = 3000;

const model = {
  info: null, pool: null, peers: null,
  blocks: [], // as told, oldest first; of the best chain but for those before a gap
  run: 0, // counts gaps: blocks of another run may have been reverted meanwhile
  gap: '',
  skew: 0, // of the node's clock against this machine's, in ms
  waiting: new Array(120).fill(null), // pool, one reading each second
  now: () => Date.now() + model.skew,
  tip: () => model.blocks[model.blocks.length - 1],
  height: () => model.blocks.length ? model.tip().header.height : model.info ? model.info.tip.height : 0,
  told: hash => model.blocks.find(b => b.header.hash === hash),
  current: () => model.blocks.filter(b => b.run === model.run),
  // rates are committed transactions per second, in n steps of so many seconds up
  // to now; null before the first block that is known.
  rates(seconds, n) {
    const width = seconds * 1000, end = Math.floor(model.now() / width) * width, from = end - n * width;
    const first = model.blocks.length ? model.blocks[0].header.time_ms : Infinity;
    const sums = Array.from({ length: n }, (_, i) => from + (i + 1) * width <= first ? null : 0);
    for (const b of model.blocks) {
      const i = Math.floor((b.header.time_ms - from) / width);
      if (i >= 0 && i < n && sums[i] !== null) sums[i] += (b.txs - 1) / seconds;
    }
    return sums;
  },
};

const strip = new Strip($('strip'));
let page = null, asked = 0, stale = false, live = null;

// on takes one event. For a network that has begun anew it returns true:
// nothing known so far is of use.
function on(e) {
  switch (e.type) {
    case 'info': return known(e.info);
    case 'hello':
      model.skew = e.time_ms - Date.now();
      break;
    case 'start': {
      const at = model.blocks.findIndex(b => b.header.hash === e.at.hash);
      model.blocks.length = at + 1; // what came after it the node has lost
      break;
    }
    case 'block':
      model.blocks.push({ ...e, run: model.run });
      if (model.blocks.length > blocksKept) model.blocks.shift();
      page?.onBlock?.();
      break;
    case 'revert': reverted(e.blocks); break;
    case 'skipped':
      model.run++;
      model.gap = `${count(e.blocks)} blocks came faster than this page could show them`;
      break;
    case 'pool':
      model.pool = e;
      model.skew = e.time_ms - Date.now();
      break;
    case 'peers': model.peers = e.peers; break;
  }
  if (!stale) requestAnimationFrame(show);
  stale = true;
}

function known(info) {
  const anew = model.info && model.info.genesis !== info.genesis;
  if (anew) Object.assign(model, { blocks: [], pool: null, peers: null, gap: '' });
  const first = !model.info || anew;
  model.info = info;
  setText($('node'), info.name);
  setText($('ident'), `${info.params.name} · genesis ${short(info.genesis)} · ${info.client}`);
  if (first) route(false);
  return anew;
}

function reverted(gone) {
  const hashes = new Set(gone.map(r => r.hash));
  model.blocks = model.blocks.filter(b => !hashes.has(b.header.hash));
  const text = `${many(gone.length, 'block was', 'blocks were')} reverted, from height ${count(gone[gone.length - 1].height)}: another branch has more work.`;
  setText($('said'), text);
  tell(text);
  page?.onRevert?.(gone);
}

let telling = 0;
function tell(text) {
  setText($('notice'), text);
  $('notice').hidden = false;
  clearTimeout(telling);
  telling = setTimeout(() => { $('notice').hidden = true; }, 8000);
}

// state says how the connection is.
function state(name, detail) {
  document.body.dataset.state = name;
  setText($('state-text'), { live: 'Live', down: `Disconnected: ${detail}. Trying again`, token: 'The node asks for a token' }[name]);
  $('token').hidden = name !== 'token';
  $('chain').hidden = name === 'token';
  $('token-wrong').hidden = name !== 'token' || !token.get();
  if (name === 'token') $('token-value').focus();
}

// show brings the screen up to date.
function show() {
  stale = false;
  strip.update(model.current(), model.gap);
  strip.mark(page?.hash);
  tick();
  const tip = model.tip();
  document.title = [page?.title, tip && '#' + tip.header.height, model.info?.name, 'chaindyno'].filter(Boolean).join(' · ');
}

function tick() {
  const tip = model.tip(), now = model.now();
  strip.ages(now);
  const lately = model.rates(1, 10).filter(v => v !== null), recent = model.current().filter(b => b.header.height > 0).slice(-31), steps = recent.length - 1;
  const mean = steps > 0 ? (recent[steps].header.time_ms - recent[0].header.time_ms) / steps : 0;
  tiles([
    ['Height', tip ? count(tip.header.height) : '–', tip ? 'last block ' + ago(Math.max(0, now - tip.header.time_ms)) : 'no block yet', 'main'],
    ['Committed', lately.length ? few(lately.reduce((a, b) => a + b, 0) / lately.length) + ' tx/s' : '–', 'over the last 10 s'],
    ['Between blocks', mean ? duration(mean) : '–', steps > 0 ? `mean of the last ${steps}` : 'not known yet'],
    ['Waiting', model.pool ? count(model.pool.txs) : '–', model.pool ? size(model.pool.bytes) + ' in the pool' : 'in the pool'],
    ['Outputs', model.pool ? count(model.pool.outputs) : '–', 'that can be spent'],
    ['Peers', model.peers?.enabled ? count(model.peers.peers.length) : '–', model.peers ? model.peers.enabled ? 'connected' : 'on its own' : ''],
  ]);
}

function tiles(list) {
  const box = $('tiles');
  if (box.childElementCount !== list.length) {
    box.replaceChildren(...list.map(t => h('li', { class: t[3] }, h('span', { class: 'name' }, t[0]), h('span', { class: 'value' }), h('span', { class: 'note' }))));
  }
  list.forEach(([, value, note], i) => {
    setText(box.children[i].children[1], value);
    setText(box.children[i].children[2], note);
  });
}

setInterval(() => {
  model.waiting.push(model.pool && document.body.dataset.state === 'live' ? model.pool.txs : null);
  model.waiting.shift();
  tick();
  page?.tick?.();
}, 1000);

// route shows the page that the address names.
async function route(move = true) {
  if (!model.info) return;
  const turn = ++asked, [, kind, id, offset] = location.hash.split('/');
  let next;
  try {
    if (kind === 'block' && /^([0-9]{1,10}|[0-9a-fA-F]{64})$/.test(id)) next = await pages.block(model, id.toLowerCase(), Number(offset) || 0);
    else if (kind === 'tx' && /^[0-9a-fA-F]{64}$/.test(id)) next = await pages.transaction(model, id.toLowerCase());
    else next = pages.home(model);
  } catch (e) {
    next = pages.failed(e);
  }
  if (turn !== asked) return; // another page was asked for meanwhile
  page = next;
  $('content').replaceChildren(page.element);
  page.tick?.();
  show();
  if (move) page.element.querySelector('h2')?.focus();
}

// search finds out what was meant: a height, a transaction or a block.
async function search(text) {
  text = text.trim().replace(/^#|[\s,_]/g, '');
  if (/^[0-9]{1,10}$/.test(text)) return go('#/block/' + text);
  if (!/^[0-9a-fA-F]{64}$/.test(text)) return tell('That is neither a height nor a hash of 64 hexadecimal digits.');
  text = text.toLowerCase();
  if (model.told(text) || (!await orNull(get('v1/transactions/' + text)) && await orNull(get(`v1/blocks/${text}?limit=1`)))) return go('#/block/' + text);
  go('#/tx/' + text);
}

function go(hash) {
  if (location.hash === hash) route();
  else location.hash = hash;
}

addEventListener('hashchange', e => {
  if (location.hash.startsWith('#/') || location.hash === '') route();
});
addEventListener('keydown', e => {
  if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) return;
  e.preventDefault();
  $('query').select();
  $('query').focus();
});
$('query').addEventListener('keydown', e => {
  if (e.key === 'Escape') $('query').blur();
});
$('search').addEventListener('submit', e => {
  e.preventDefault();
  search($('query').value).catch(problem => tell(problem.message));
});
$('skip').addEventListener('click', e => { // the address is the page's
  e.preventDefault();
  $('content').focus();
});
$('token-form').addEventListener('submit', e => {
  e.preventDefault();
  token.set($('token-value').value);
  $('token').hidden = true;
  live.retry();
});

live = follow({ on, state, cursors: () => model.current().slice().reverse().map(b => b.header) });
