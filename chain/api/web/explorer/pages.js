// The three pages: what the node does now, a block, a transaction. Each has an
// element, a title, and may listen to blocks that come (onBlock) or go
// (onRevert), and to the clock (tick).
import { h, count, many, size, duration, stamp, short, blockLink, txLink, facts, table, setText } from './dom.js';
import { get, orNull } from './api.js';
import { hashOf, merkleRoot, readHeader, worked } from './proof.js';
import { Chart } from './chart.js';

const heading = (...parts) => h('h2', { tabindex: '-1' }, parts);
const message = (title, text) => ({ element: h('section', null, heading(title), h('p', null, text)), title });

export const failed = e => message('That did not work', e.message);

// home shows throughput, pool and peers.
export function home(model) {
  const rate = new Chart({ title: 'Committed transactions', unit: 'tx/s', span: 120, width: 2, how: 'Transactions in blocks per second, in steps of two seconds, by the time in the blocks; rewards are not counted.' });
  const waiting = new Chart({ title: 'Waiting for a block', unit: 'transactions', span: 120, width: 1, how: 'Transactions in the pool, read once a second. A line that only rises means that more comes in than blocks can take.' });
  const pool = h('div'), refused = h('div'), peers = h('div');
  let drawn = '';
  function lists() {
    const p = model.pool, key = JSON.stringify([p, model.peers]);
    if (key === drawn) return;
    drawn = key;
    pool.replaceChildren(p ? facts([['Waiting', count(p.txs) + ' transactions, ' + size(p.bytes)], ['Received, not yet verified', count(p.queue_txs)], ['Outputs that can be spent', count(p.outputs)]]) : h('p', { class: 'soft' }, 'Not read yet.'));
    const kinds = p ? Object.entries(p.rejected).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]) : [];
    refused.replaceChildren(!p ? '' : kinds.length ? table([{ name: 'Refused since the start, by kind' }, { name: 'Transactions', number: true }], kinds.map(([k, n]) => [k, count(n)])) : h('p', { class: 'soft' }, 'Nothing has been refused since the node started.'));
    peers.replaceChildren(peerTable(model.peers));
  }
  const page = {
    title: '',
    element: h('div', null,
      h('section', null, heading('Throughput'), rate.element),
      h('section', null, h('h2', null, 'Pool'), h('div', { class: 'cols' }, waiting.element, h('div', null, pool, refused))),
      h('section', null, h('h2', null, 'Peers'), peers)),
    tick() {
      rate.show(model.rates(2, 60));
      waiting.show(model.waiting);
      lists();
    },
  };
  page.tick();
  return page;
}

function peerTable(list) {
  if (!list) return h('p', { class: 'soft' }, 'Not read yet.');
  if (!list.enabled) return h('p', { class: 'soft' }, 'This node runs on its own: it listens for no peers.');
  if (!list.peers.length) return h('p', { class: 'soft' }, 'No peer is connected at the moment.');
  return table([{ name: 'Peer', class: 'mono' }, { name: 'Address', class: 'mono' }, { name: 'Connected by' }, { name: 'Height', number: true }, { name: 'Round trip', number: true }, { name: 'Received', number: true }, { name: 'Sent', number: true }],
    list.peers.map(p => [p.id.length > 20 ? short(p.id) : p.id, p.address, p.inbound ? 'the peer' : 'this node', count(p.height), p.rtt_ns ? duration(p.rtt_ns / 1e6) : 'not measured', size(p.bytes_in), size(p.bytes_out)]));
}

const pageSize = 100;

// block shows one block, by hash or height.
export async function block(model, which, offset) {
  const b = await orNull(get(`v1/blocks/${which}?limit=${pageSize}&offset=${offset}`));
  if (!b) return message('No such block', `This node has no block ${which}.`);
  const x = b.header, told = model.told(x.hash), state = h('p', { class: 'badges' });
  const checked = readHeader(x.raw), good = checked.hash === x.hash && checked.merkle === x.merkle && (x.hash === model.info.genesis || worked(checked, model.info.params.bits));
  function badges() {
    const depth = model.height() - x.height + 1;
    state.replaceChildren(
      b.best ? h('span', { class: 'ok' }, '✓ on the best chain, ' + (depth > 1 ? count(depth) + ' deep' : 'the tip')) : h('span', { class: 'no' }, '✗ not on the best chain: it was reverted, or never was'),
      good ? h('span', { class: 'ok' }, '✓ hash and proof of work checked by this browser') : h('span', { class: 'no' }, '✗ its hash or proof of work does not hold'));
  }
  badges();
  const pages = Math.ceil(b.txs / pageSize), at = Math.floor(offset / pageSize);
  const turn = (to, text) => to < 0 || to >= pages ? h('span', { class: 'soft' }, text) : h('a', { href: `#/block/${x.hash}/${to * pageSize}` }, text);
  return {
    title: 'Block ' + x.height, hash: x.hash,
    element: h('section', null,
      h('div', { class: 'title' }, heading('Block ', count(x.height)), h('p', { class: 'turn' },
        x.height ? blockLink(x.prev, '← ' + count(x.height - 1)) : '', h('a', { href: '#/block/' + (x.height + 1), class: 'mono' }, count(x.height + 1) + ' →'))),
      state,
      facts([['Hash', x.hash, 'mono'], ['Time', stamp(x.time_ms)], ['Transactions', count(b.txs) + ', the reward included'], ['Size', size(b.bytes)],
        told && told.interval_ns > 0 && ['After the block before', duration(told.interval_ns / 1e6)], told && told.seal_ns > 0 && ['Sealed in', `${duration(told.seal_ns / 1e6)}, ${count(told.hashes)} hashes tried`],
        ['Block before', x.height ? blockLink(x.prev) : 'none: this is the genesis', 'mono'], ['Merkle root', x.merkle, 'mono'],
        ['Target', '0x' + x.bits.toString(16).padStart(8, '0'), 'mono'], ['Nonce', count(x.nonce)], ['Version', String(x.version)]]),
      h('h3', null, 'Transactions'),
      h('ol', { class: 'ids', start: b.offset }, b.ids.map((id, i) => h('li', null, txLink(id), b.offset + i === 0 ? h('span', { class: 'soft' }, ' reward') : ''))),
      pages > 1 ? h('nav', { class: 'turn', 'aria-label': 'Pages of transactions' }, turn(at - 1, '← before'), h('span', { class: 'soft' }, ` page ${count(at + 1)} of ${count(pages)} `), turn(at + 1, 'after →')) : null),
    onBlock: badges,
    onRevert(gone) {
      if (gone.some(r => r.hash === x.hash)) {
        b.best = false;
        badges();
      }
    },
  };
}

// transaction shows one transaction, and waits for it where it is in no block.
export async function transaction(model, id) {
  const element = h('section'), depth = h('span'), steps = h('ol', { class: 'steps' }), verdict = h('p', { class: 'badges', role: 'status' });
  let tx = null, loading = false, drawn = false;

  function draw() {
    const title = h('div', { class: 'title' }, heading('Transaction'));
    drawn = true;
    if (!tx) {
      element.replaceChildren(title, h('p', { class: 'badges' }, h('span', { class: 'hm' }, '… not known to this node')), facts([['ID', id, 'mono']]),
        h('p', null, 'It is neither in the pool nor in a block. This page looks again with every block.'));
      return;
    }
    const inBlock = tx.place === 'block';
    element.replaceChildren(title,
      h('p', { class: 'badges' }, inBlock ? depth : h('span', { class: 'hm' }, '… waiting in the pool for a block; this page follows it')),
      facts([['ID', tx.id, 'mono'], inBlock && ['Block', blockLink(tx.block.hash, count(tx.block.height) + ' · ' + short(tx.block.hash))], inBlock && ['Index in the block', count(tx.index)],
        tx.bytes > 0 && ['Size', size(tx.bytes)], tx.bytes > 0 && ['Kind', tx.coinbase ? 'reward of its block' : `transfer, signed with ${tx.scheme}`],
        tx.bytes > 0 && ['Moves', count(tx.outputs.reduce((sum, o) => sum + o.value, 0)) + (tx.outputs_total > tx.outputs.length ? ' and more' : '')]]),
      tx.bytes > 0 ? parts() : '',
      inBlock ? h('div', { class: 'proof' }, h('h3', null, 'Proof that it is in the chain'), verdict, steps,
        h('p', { class: 'soft' }, 'Checked by this browser with its own SHA-256. The headers are this node’s: it could leave blocks out, but not forge the work in them.')) : '');
  }

  function parts() {
    const more = (all, list) => all > list.length ? h('p', { class: 'soft' }, `and ${count(all - list.length)} more`) : null;
    return h('div', { class: 'cols' },
      h('div', null, h('h3', null, `Spends ${count(tx.inputs_total)}`), tx.coinbase ? h('p', { class: 'soft' }, 'Nothing: it is new money.') :
        table([{ name: 'Output', class: 'w' }, { name: 'Number', number: true }], tx.inputs.map(i => [txLink(i.id, short(i.id)), count(i.index)])), more(tx.inputs_total, tx.inputs)),
      h('div', null, h('h3', null, `Pays ${count(tx.outputs_total)}`), table([{ name: 'To the key', class: 'mono w' }, { name: 'Value', number: true }], tx.outputs.map(o => [o.key, count(o.value)])), more(tx.outputs_total, tx.outputs)));
  }

  async function load() {
    if (loading) return;
    loading = true;
    try {
      const next = await orNull(get('v1/transactions/' + id)), changed = !drawn || JSON.stringify(next) !== JSON.stringify(tx);
      tx = next;
      if (!changed) return;
      draw();
      if (tx && tx.place === 'block') {
        confirmed();
        await prove(model, tx, steps, verdict);
      }
    } finally {
      loading = false;
    }
  }

  function confirmed() {
    const n = model.height() - tx.block.height + 1;
    depth.className = 'ok';
    setText(depth, `✓ in a block, ${many(Math.max(1, n), 'block', 'blocks')} deep`);
  }
  const settled = () => tx && tx.place === 'block';
  const quietly = e => console.info('looking again later: ' + e.message);
  await load();
  return {
    title: 'Transaction ' + short(id), element,
    get hash() { return settled() ? tx.block.hash : null; },
    onBlock() {
      if (settled()) confirmed();
      else load().catch(quietly);
    },
    onRevert(gone) {
      if (settled() && gone.some(r => r.hash === tx.block.hash)) load().catch(quietly);
    },
  };
}

const batch = 2000, headersMost = 4000;

// prove checks each step from the transaction to the tip and says what came of
// it. It stops at the first that fails.
async function prove(model, tx, steps, verdict) {
  steps.replaceChildren();
  verdict.replaceChildren(h('span', { class: 'hm' }, '… checking'));
  const note = (good, text) => {
    steps.append(h('li', { class: good ? 'ok' : 'no' }, h('span', { class: 'glyph' }, good ? '✓' : '✗'), ' ' + text));
    if (!good) throw new Error(text);
  };
  try {
    const p = await get(`v1/transactions/${tx.id}/proof`), header = readHeader(p.header.raw);
    if (tx.payload) note(hashOf(tx.payload) === tx.id, `The ${count(tx.bytes)} bytes of the transaction hash to its ID.`);
    else note(true, 'The transaction is too large to be sent to browsers: the check begins with its ID.');
    note(merkleRoot(tx.id, p.index, p.count, p.siblings) === header.merkle, `${many(p.siblings.length, 'hash leads', 'hashes lead')} from the ID, at index ${count(p.index)} in a block of ${count(p.count)}, to the Merkle root in the header.`);
    const genesis = p.block.height === 0;
    note(header.hash === p.block.hash && header.hash === tx.block.hash, `The header hashes to block ${count(p.block.height)}, ${short(p.block.hash)}.`);
    note(genesis ? header.hash === model.info.genesis : worked(header, model.info.params.bits), genesis ? 'It is the genesis of this network.' : 'The block has the work that its target asks for.');
    const { n, tip, cut } = await onTop(model, p.block.height, header.hash);
    note(true, n ? `${many(n, 'header', 'headers')} on top, each naming the one before and with work of its own, lead to ${cut ? 'block' : 'the tip,'} ${short(tip)}.` : 'It is the tip: nothing is on top of it yet.');
    verdict.replaceChildren(h('span', { class: 'ok', id: 'proven' }, '✓ Verified in this browser'));
  } catch (e) {
    verdict.replaceChildren(h('span', { class: 'no' }, '✗ Not proven: ' + e.message));
  }
}

// onTop checks the headers above a block.
async function onTop(model, height, hash) {
  let n = 0, tip = hash;
  while (n < headersMost) {
    const { headers } = await get(`v1/headers?from=${height + 1 + n}&count=${batch}`);
    for (const one of headers) {
      const header = readHeader(one.raw);
      if (header.prev !== tip || !worked(header, model.info.params.bits)) throw new Error(`The header at height ${count(height + 1 + n)} does not follow.`);
      tip = header.hash;
      n++;
    }
    if (headers.length < batch) return { n, tip, cut: false };
  }
  return { n, tip, cut: true };
}
