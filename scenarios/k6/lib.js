// What the scripts of this folder share.
//
//   DRIVER   reference (default) or null
//   TARGET   host:port of a node, or several with commas; default 127.0.0.1:7700
//   RATE     transactions a second
//   BATCH    transactions of one call
//   DURATION of the load, such as 30s
//   VUS      most calls at once
//   TLS_CA   PEM file of the authority that the nodes' certificates are from
//   TOKEN_ENV  name of the variable that holds a bearer token
import chain from 'k6/x/chain';

export const DRIVER = __ENV.DRIVER || 'reference';
export const TARGET = (__ENV.TARGET || '127.0.0.1:7700').split(',');

// number reads an environment variable, and refuses what is none.
export function number(name, otherwise) {
  const text = __ENV[name];
  if (text === undefined || text === '') return otherwise;
  const n = Number(text);
  if (!Number.isFinite(n) || n <= 0) throw new Error(`${name}: want a number above 0, got "${text}"`);
  return n;
}

// connect makes the client of a script.
export function connect(options = {}) {
  const c = { driver: DRIVER, options: { ...options } };
  if (DRIVER !== 'null') c.target = TARGET;
  if (__ENV.TLS_CA) c.options.tls = { ca: __ENV.TLS_CA };
  if (__ENV.TOKEN_ENV) c.options.tokenEnv = __ENV.TOKEN_ENV;
  return chain.connect(c);
}

// arrivals turns a rate of transactions into one of calls.
export function arrivals(rate, batch) {
  return { rate: Math.max(1, Math.round(rate / batch)), timeUnit: '1s' };
}

// sound are thresholds that every honest run keeps: something was sent, nothing
// was lost, and k6 could start every iteration.
export const sound = {
  chain_tx_succeeded: ['count>0'],
  chain_tx_lost: ['count<1'],
  dropped_iterations: ['count<1'],
};
