// The WebSocket: goes on where it was cut off, for ever.
import { get, token, Refusal } from './api.js';

const backlog = 300; // blocks asked for at first: what the charts show
const most = 20; // cursors to go on from

const toHex = text => Array.from(new TextEncoder().encode(text)).map(b => b.toString(16).padStart(2, '0')).join('');

// follow calls on(event) for each event of the node, cursors() for the blocks to
// go on from (newest first), and state(name, detail) when the connection comes
// and goes.
export function follow({ on, cursors, state }) {
  let failures = 0, forget = false;

  function address() {
    const url = new URL('ws', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    url.hash = '';
    const from = forget ? [] : cursors().slice(0, most);
    forget = false;
    for (const c of from) url.searchParams.append('from', c.height + ':' + c.hash);
    if (!from.length) url.searchParams.append('last', backlog);
    return url.href;
  }

  function again(detail) {
    const wait = Math.min(10e3, 500 * 2 ** failures) * (0.5 + Math.random() / 2);
    failures = Math.min(failures + 1, 6);
    state('down', detail);
    setTimeout(connect, wait);
  }

  // A browser does not tell why a WebSocket was refused; a plain call does.
  async function connect() {
    let info;
    try {
      info = await get('v1/info');
    } catch (e) {
      if (e instanceof Refusal && e.status === 401) return state('token', e.message);
      return again(e instanceof Refusal ? e.message : 'The node does not answer');
    }
    if (on({ type: 'info', info })) forget = true;
    const secret = token.get();
    const socket = new WebSocket(address(), secret ? ['chaindyno.v1', 'bearer.' + toHex(secret)] : ['chaindyno.v1']);
    socket.onopen = () => { failures = 0; state('live'); };
    socket.onmessage = m => on(JSON.parse(m.data));
    socket.onclose = e => {
      if (e.code === 1008) forget = true; // the node knows none of our blocks
      again(e.reason || 'The connection was lost');
    };
  }
  connect();
  return { retry: connect };
}
