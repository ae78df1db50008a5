// What the page can do beyond being read: a crosshair shared by all charts over
// time, zoom, curves that can be switched off, and downloads. Without it
// nothing is missing but these. All values come from the data tables.
(function () {
  'use strict';
  var SVG = 'http://www.w3.org/2000/svg', UNITS = 10000;
  var zoom = { a: 0, b: 1 }; // of the time axis, shared
  var charts = [];

  function el(tag, name, text) {
    var e = document.createElement(tag);
    if (name) e.className = name;
    if (text !== undefined) e.textContent = text;
    return e;
  }
  function svgEl(tag, attributes, text) {
    var e = document.createElementNS(SVG, tag);
    for (var k in attributes) e.setAttribute(k, attributes[k]);
    if (text !== undefined) e.textContent = text;
    return e;
  }
  function clamp(v, low, high) { return Math.min(Math.max(v, low), high); }

  // Ticks of a time axis, as the report itself places them.
  var STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  function two(n) { return n < 10 ? '0' + n : '' + n; }
  function clock(s, longest) {
    if (longest <= 120) return String(Math.round(s * 100) / 100) + ' s';
    s = Math.round(s);
    var m = Math.floor(s / 60);
    if (longest < 3600) return m + ':' + two(s % 60);
    return Math.floor(m / 60) + ':' + two(m % 60) + ':' + two(s % 60);
  }
  function timeTicks(low, high, longest) {
    var step = STEPS.find(function (s) { return (high - low) / s <= 8; }) || STEPS[STEPS.length - 1];
    var ticks = [];
    for (var i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push([i * step, clock(i * step, longest)]);
    return ticks;
  }

  function Chart(figure) {
    this.figure = figure;
    this.box = figure.querySelector('.box');
    this.svg = this.box.querySelector('svg.chart');
    this.plot = this.svg.querySelector('svg.plot');
    this.table = figure.querySelector('details.data table');
    this.height = +this.svg.dataset.h;
    this.x0 = +this.svg.dataset.x0;
    this.x1 = +this.svg.dataset.x1;
    this.log = 'log' in this.svg.dataset;
    this.time = 'time' in this.svg.dataset;
    this.heads = Array.from(this.table.tHead.rows[0].cells);
    var first = this.heads[0] ? this.heads[0].textContent : '';
    this.reads = first.indexOf('time') === 0 || first === '1/(1-q)';
    this.tools();
    this.toggles();
    if (this.reads || this.time) this.pointer();
  }

  Chart.prototype.rows = function () {
    if (!this.cached) {
      this.cached = Array.from(this.table.tBodies[0].rows, function (r) {
        return Array.from(r.cells, function (c) { return c.textContent; });
      });
    }
    return this.cached;
  };
  // The place of a value across the chart as it is zoomed, 0 to 1.
  Chart.prototype.at = function (x) {
    var f = this.log ? Math.log(x / this.x0) / Math.log(this.x1 / this.x0) : (x - this.x0) / (this.x1 - this.x0);
    return this.time ? (f - zoom.a) / (zoom.b - zoom.a) : f;
  };
  Chart.prototype.value = function (f) {
    if (this.time) f = zoom.a + f * (zoom.b - zoom.a);
    return this.log ? this.x0 * Math.pow(this.x1 / this.x0, f) : this.x0 + f * (this.x1 - this.x0);
  };
  Chart.prototype.nearest = function (x) {
    var rows = this.rows(), best = -1, distance = Infinity, here = this.at(x);
    for (var i = 0; i < rows.length; i++) {
      var d = Math.abs(this.at(parseFloat(rows[i][0])) - here);
      if (d < distance) { distance = d; best = i; }
    }
    return best;
  };

  Chart.prototype.tools = function () {
    var bar = el('div', 'tools'), self = this;
    function button(text, title, act) {
      var b = el('button', '', text);
      b.type = 'button';
      b.title = title;
      b.addEventListener('click', act);
      bar.appendChild(b);
      return b;
    }
    button('CSV', 'Save the data of this chart', function () { save(self.figure.id + '.csv', 'text/csv', self.csv()); });
    button('SVG', 'Save this chart as a picture', function () { save(self.figure.id + '.svg', 'image/svg+xml', self.picture()); });
    if (this.time) {
      this.reset = button('Reset zoom', 'Show the whole run again', function () { setZoom(0, 1); });
      this.reset.hidden = true;
    }
    this.figure.insertBefore(bar, this.figure.querySelector('details.data'));
  };

  function csvCell(s) {
    if (/^[=+\-@]/.test(s) && isNaN(s)) s = "'" + s; // no formulas for spreadsheets
    return /[",\n]/.test(s) ? '"' + s.replace(/"/g, '""') + '"' : s;
  }
  Chart.prototype.csv = function () {
    var lines = [this.heads.map(function (h) { return csvCell(h.textContent); }).join(',')];
    this.rows().forEach(function (r) { lines.push(r.map(csvCell).join(',')); });
    return lines.join('\n') + '\n';
  };
  // The chart by itself: as wide as on the screen, on white, with its own style.
  Chart.prototype.picture = function () {
    var width = Math.round(this.svg.getBoundingClientRect().width), left = this.box.classList.contains('wide') ? 140 : 64;
    var root = svgEl('svg', { xmlns: SVG, viewBox: [-left, -50, width + left + 24, this.height + 96].join(' '), width: width + left + 24, height: this.height + 96 });
    var style = svgEl('style', {}, document.getElementById('chart-style').textContent);
    var ground = svgEl('rect', { x: -left, y: -50, width: '100%', height: '100%', fill: '#ffffff' });
    var title = svgEl('text', { x: -left + 12, y: -28, 'font-family': 'sans-serif', 'font-size': 15, 'font-weight': 600 }, this.figure.querySelector('h3').textContent);
    var chart = this.svg.cloneNode(true);
    chart.setAttribute('width', width);
    root.append(style, document.querySelector('svg.defs defs').cloneNode(true), ground, title, chart);
    var x = 0, y = this.height + 62;
    this.figure.querySelectorAll('.legend li').forEach(function (item) {
      var swatch = item.querySelector('svg').cloneNode(true), wide = item.getBoundingClientRect().width + 16;
      if (x + wide > width) { x = 0; y += 20; }
      swatch.setAttribute('x', x);
      swatch.setAttribute('y', y - 10);
      swatch.setAttribute('width', 30);
      swatch.setAttribute('height', 12);
      root.append(swatch, svgEl('text', { x: x + 36, y: y, 'font-family': 'sans-serif', 'font-size': 13 }, item.textContent));
      x += wide;
    });
    root.setAttribute('height', y + 66);
    root.setAttribute('viewBox', [-left, -50, width + left + 24, y + 66].join(' '));
    return new XMLSerializer().serializeToString(root);
  };
  function save(name, type, text) {
    var url = URL.createObjectURL(new Blob([text], { type: type })), a = el('a');
    a.href = url;
    a.download = name;
    document.body.appendChild(a);
    a.click();
    a.remove();
    setTimeout(function () { URL.revokeObjectURL(url); }, 10000);
  }

  Chart.prototype.toggles = function () {
    var self = this;
    this.figure.querySelectorAll('.legend li').forEach(function (item) {
      var name = item.dataset.s;
      var parts = self.svg.querySelectorAll('.plot > .' + name + ', .plot > .' + name + 'b, .over > .' + name + ', .under > .' + name);
      if (!parts.length) return;
      item.setAttribute('role', 'button');
      item.setAttribute('aria-pressed', 'true');
      item.tabIndex = 0;
      item.title = 'Show or hide';
      function flip() {
        var on = item.getAttribute('aria-pressed') !== 'true';
        item.setAttribute('aria-pressed', String(on));
        parts.forEach(function (p) { p.classList.toggle('hide', !on); });
      }
      item.addEventListener('click', flip);
      item.addEventListener('keydown', function (e) {
        if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); flip(); }
      });
    });
  };

  Chart.prototype.pointer = function () {
    var self = this, from = null;
    this.hair = this.box.appendChild(el('div', 'hair'));
    this.tip = this.box.appendChild(el('div', 'tip'));
    this.pick = this.box.appendChild(el('div', 'pick'));
    this.hair.hidden = this.tip.hidden = this.pick.hidden = true;
    this.svg.setAttribute('tabindex', '0');
    function share(e) {
      var r = self.svg.getBoundingClientRect();
      return clamp((e.clientX - r.left) / r.width, 0, 1);
    }
    this.svg.addEventListener('pointermove', function (e) {
      point(self, self.value(share(e)));
      if (from !== null) self.selection(from, share(e));
    });
    this.svg.addEventListener('pointerleave', function () { if (from === null) point(null); });
    this.svg.addEventListener('keydown', function (e) {
      var step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (step) { e.preventDefault(); self.walk(step); } else if (e.key === 'Escape') { point(null); setZoom(0, 1); }
    });
    this.svg.addEventListener('blur', function () { point(null); });
    if (!this.time) return;
    this.svg.addEventListener('pointerdown', function (e) {
      if (e.button !== 0 || e.pointerType === 'touch') return;
      from = share(e);
      self.svg.setPointerCapture(e.pointerId);
      e.preventDefault();
    });
    this.svg.addEventListener('pointerup', function (e) {
      if (from === null) return;
      var a = Math.min(from, share(e)), b = Math.max(from, share(e)), w = zoom.b - zoom.a;
      from = null;
      self.pick.hidden = true;
      if (b - a > 0.01) setZoom(zoom.a + a * w, zoom.a + b * w);
    });
    this.svg.addEventListener('pointercancel', function () { from = null; self.pick.hidden = true; });
    this.svg.addEventListener('dblclick', function () { setZoom(0, 1); });
  };
  Chart.prototype.walk = function (step) {
    var rows = this.rows();
    if (!this.reads || !rows.length) return;
    this.row = this.row === undefined ? 0 : clamp(this.row + step, 0, rows.length - 1);
    point(this, parseFloat(rows[this.row][0]));
  };
  Chart.prototype.frame = function () {
    var r = this.svg.getBoundingClientRect(), b = this.box.getBoundingClientRect();
    return { left: r.left - b.left, top: r.top - b.top, width: r.width };
  };
  Chart.prototype.selection = function (a, b) {
    var f = this.frame();
    this.pick.hidden = Math.abs(a - b) < 0.005;
    this.pick.style.left = f.left + Math.min(a, b) * f.width + 'px';
    this.pick.style.width = Math.abs(a - b) * f.width + 'px';
    this.pick.style.top = f.top + 'px';
    this.pick.style.height = this.height + 'px';
  };
  Chart.prototype.show = function (x, withTip) {
    var f = this.frame(), at = this.at(x);
    this.hair.hidden = !(at >= 0 && at <= 1);
    this.tip.hidden = true;
    if (this.hair.hidden) return;
    this.hair.style.left = f.left + at * f.width + 'px';
    this.hair.style.top = f.top + 'px';
    this.hair.style.height = this.height + 'px';
    if (withTip && this.reads) this.fill(x, f, at);
  };
  Chart.prototype.hide = function () { this.hair.hidden = this.tip.hidden = true; };
  Chart.prototype.fill = function (x, f, at) {
    var i = this.nearest(x), self = this;
    if (i < 0) return;
    this.row = i;
    var cells = this.rows()[i];
    this.tip.replaceChildren(el('b', '', this.time ? clock(parseFloat(cells[0]), this.x1 > 120 ? this.x1 : 0) : this.heads[1].textContent + ' ' + cells[1]));
    this.heads.forEach(function (h, k) {
      if (k === 0 || !self.time && k === 1 || cells[k] === '') return;
      var line = el('span'), name = el('span'), swatch = h.dataset.s && self.figure.querySelector('.legend li[data-s="' + h.dataset.s + '"] svg');
      if (swatch) name.appendChild(swatch.cloneNode(true));
      name.appendChild(document.createTextNode(h.textContent));
      line.append(name, el('i', '', cells[k]));
      self.tip.appendChild(line);
    });
    this.tip.hidden = false;
    var w = this.tip.offsetWidth, px = f.left + at * f.width;
    this.tip.style.left = (px + 14 + w > f.left + f.width ? Math.max(px - 14 - w, 0) : px + 14) + 'px';
    this.tip.style.top = f.top + 10 + 'px';
  };

  Chart.prototype.applyZoom = function () {
    var self = this, w = zoom.b - zoom.a, whole = w > 0.9999;
    this.plot.setAttribute('viewBox', [zoom.a * UNITS, 0, w * UNITS, this.height * 10].join(' '));
    this.box.classList.toggle('zoomed', !whole);
    this.reset.hidden = whole;
    this.svg.querySelectorAll('[data-a]').forEach(function (e) {
      var a = (+e.dataset.a - zoom.a) / w, b = e.dataset.b === undefined ? a : (+e.dataset.b - zoom.a) / w;
      e.classList.toggle('hide', b < 0 || a > 1 || (e.tagName === 'text' && a < 0));
      a = clamp(a, 0, 1); b = clamp(b, 0, 1);
      if (e.tagName === 'line') { e.setAttribute('x1', 100 * a + '%'); e.setAttribute('x2', 100 * a + '%'); } else e.setAttribute('x', 100 * a + '%');
      if (e.tagName === 'rect') e.setAttribute('width', 100 * (b - a) + '%');
    });
    var ticks = this.svg.querySelector('.xticks'), low = this.value(0), high = this.value(1);
    ticks.replaceChildren();
    timeTicks(low, high, this.x1).forEach(function (t) {
      var at = 100 * self.at(t[0]) + '%';
      ticks.append(svgEl('line', { x1: at, x2: at, y1: self.height, y2: self.height + 4 }),
        svgEl('text', { 'class': 'tick', x: at, y: self.height + 17, 'text-anchor': 'middle' }, t[1]));
    });
  };

  function setZoom(a, b) {
    zoom.a = clamp(a, 0, 1);
    zoom.b = clamp(b, zoom.a + 1e-4, 1);
    charts.forEach(function (c) { if (c.time) c.applyZoom(); });
    point(null);
  }
  // point shows one moment in every chart over time, or one place in another.
  function point(source, x) {
    charts.forEach(function (c) {
      if (!c.hair) return;
      if (source && (c === source || c.time && source.time)) c.show(x, c === source);
      else c.hide();
    });
  }

  document.querySelectorAll('figure').forEach(function (f) { charts.push(new Chart(f)); });
})();
