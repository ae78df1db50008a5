// A line over the last two minutes, drawn at the width that there is, so that
// curves stretch and text does not.
import { h, few } from './dom.js';

const height = 170, left = 52, right = 12, top = 10, bottom = 24;

// steps are round numbers for an axis from 0 to most.
function steps(most) {
  const rough = Math.max(most, 1) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 2.5, 5, 10].map(m => m * power).find(s => s >= rough));
  const list = [];
  for (let v = 0; list.length < 2 || list[list.length - 1] < most; v += step) list.push(v);
  return list;
}

export class Chart {
  constructor({ title, how, unit, span, width }) {
    Object.assign(this, { unit, span, width, points: [] });
    this.svg = h('svg', { class: 'chart', role: 'img', 'aria-label': title + '. ' + how });
    this.rows = h('tbody');
    this.data = h('details', { class: 'data', ontoggle: () => this.fill() }, h('summary', null, 'The same as a table'),
      h('div', { class: 'scroll', tabindex: '0' }, h('table', null, h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Seconds ago'), h('th', { scope: 'col', class: 'n' }, unit))), this.rows)));
    this.element = h('figure', null, h('h3', null, title), h('p', { class: 'how' }, how), this.svg, this.data);
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  // show takes one value for each width of time up to now, oldest first; null
  // where nothing is known.
  show(points) {
    this.points = points;
    this.draw();
    this.fill();
  }

  fill() {
    if (!this.data.open) return;
    const n = this.points.length;
    this.rows.replaceChildren(...this.points.map((v, i) => h('tr', null, h('td', null, ((n - 1 - i) * this.width).toFixed(0)),
      h('td', { class: 'n' }, v === null ? 'not known' : few(v)))).reverse());
  }

  draw() {
    const wide = this.element.clientWidth;
    if (!wide) return;
    const inner = wide - left - right, tall = height - top - bottom, n = this.points.length;
    const ticks = steps(Math.max(0, ...this.points)), most = ticks[ticks.length - 1];
    const x = i => left + inner * i / n, y = v => top + tall * (1 - v / most);
    let line = '', area = '', open = false;
    this.points.forEach((v, i) => {
      if (v === null) {
        if (open) area += `V${y(0)}Z`;
        open = false;
        return;
      }
      line += `${open ? 'L' : 'M'}${x(i)} ${y(v)}H${x(i + 1)}`;
      area += `${open ? 'L' : `M${x(i)} ${y(0)}L`}${x(i)} ${y(v)}H${x(i + 1)}`;
      open = true;
    });
    if (open) area += `V${y(0)}Z`;
    const marks = wide > 500 ? 4 : 2;
    this.svg.setAttribute('viewBox', `0 0 ${wide} ${height}`);
    this.svg.setAttribute('height', height);
    this.svg.replaceChildren(
      h('g', { class: 'grid' }, ticks.map(v => h('line', { x1: left, x2: wide - right, y1: y(v), y2: y(v) }))),
      ...ticks.map(v => h('text', { class: 'tick', x: left - 8, y: y(v) + 4, 'text-anchor': 'end' }, few(v))),
      ...Array.from({ length: marks + 1 }, (_, i) => h('text', {
        class: 'tick', x: left + inner * i / marks, y: height - 6, 'text-anchor': i === 0 ? 'start' : i === marks ? 'end' : 'middle',
      }, i === marks ? 'now' : `−${Math.round(this.span * (1 - i / marks))} s`)),
      h('path', { class: 'area', d: area }), h('path', { class: 'curve', d: line }));
  }
}
