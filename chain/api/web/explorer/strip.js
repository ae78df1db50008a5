// The latest blocks as a strip, newest first.
import { h, count, size, ago, setText } from './dom.js';

const shown = 48;

export class Strip {
  constructor(list) {
    this.list = list;
    this.cards = new Map(); // by hash
    list.addEventListener('keydown', e => this.key(e));
    list.addEventListener('focusin', e => this.rove(e.target.closest('a')));
  }

  // update shows the newest of blocks (oldest first), keeping cards, focus and
  // scroll position.
  update(blocks, gap) {
    const wanted = blocks.slice(-shown), keep = new Set(wanted.map(b => b.header.hash));
    const focused = document.activeElement && this.list.contains(document.activeElement), width = this.list.scrollWidth;
    const first = this.cards.size === 0;
    for (const [hash, card] of this.cards) {
      if (keep.has(hash)) continue;
      if (focused && card.contains(document.activeElement)) (card.previousElementSibling || card.nextElementSibling)?.querySelector('a')?.focus();
      card.remove();
      this.cards.delete(hash);
    }
    const fullest = Math.max(1, ...wanted.filter(b => b.header.height > 0).map(b => b.bytes));
    let next = this.list.firstElementChild;
    for (const b of wanted.toReversed()) {
      let card = this.cards.get(b.header.hash);
      if (!card) this.cards.set(b.header.hash, card = this.card(b, !first));
      card.querySelector('.fill').setAttribute('width', Math.max(b.txs > 1 ? 3 : 0, Math.min(100, 100 * b.bytes / fullest)));
      if (card === next) next = next.nextElementSibling;
      else this.list.insertBefore(card, next);
    }
    this.list.querySelector('.gap')?.remove();
    if (gap) this.list.append(h('li', { class: 'gap' }, h('p', null, gap)));
    if (this.list.scrollLeft > 0) this.list.scrollLeft += this.list.scrollWidth - width;
    if (!this.list.querySelector('a[tabindex="0"]')) this.rove(this.list.querySelector('a'));
  }

  card(b, fresh) {
    const txs = b.txs - 1, hash = b.header.hash;
    return h('li', { class: fresh ? 'fresh' : null, 'data-height': b.header.height },
      h('a', { href: '#/block/' + hash, tabindex: '-1', 'aria-label': `Block ${b.header.height}, ${txs} transactions, ${size(b.bytes)}` },
        h('span', { class: 'height' }, count(b.header.height)),
        h('span', { class: 'txs' }, h('b', null, count(txs)), ' tx'),
        h('svg', { class: 'full', viewBox: '0 0 100 6', 'aria-hidden': 'true', preserveAspectRatio: 'none' }, h('rect', { class: 'back', width: 100, height: 6 }), h('rect', { class: 'fill', height: 6 })),
        h('span', { class: 'soft' }, size(b.bytes)),
        h('span', { class: 'soft age', 'data-ms': b.header.time_ms }, ''),
        h('span', { class: 'mono' }, hash.slice(0, 6) + '…' + hash.slice(-6))));
  }

  // ages tells how old each block is.
  ages(now) {
    for (const e of this.list.querySelectorAll('.age')) setText(e, ago(Math.max(0, now - e.dataset.ms)));
  }

  // mark shows which block the page is about.
  mark(hash) {
    for (const [at, card] of this.cards) {
      if (at === hash) card.firstElementChild.setAttribute('aria-current', 'true');
      else card.firstElementChild.removeAttribute('aria-current');
    }
  }

  // rove makes one card the strip's stop for the tab key.
  rove(link) {
    if (!link) return;
    for (const a of this.list.querySelectorAll('a[tabindex="0"]')) a.setAttribute('tabindex', '-1');
    link.setAttribute('tabindex', '0');
  }

  key(e) {
    const links = [...this.list.querySelectorAll('a')], at = links.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: links.length - 1 }[e.key];
    if (at < 0 || to === undefined || e.altKey || e.ctrlKey || e.metaKey) return;
    e.preventDefault();
    const link = links[Math.max(0, Math.min(links.length - 1, to))];
    link.focus();
    link.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }
}
