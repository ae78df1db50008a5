// What a page can check by itself: IDs, Merkle paths, proof of work, and that
// headers hang together. The rules are those of the chain.
import { doubleSHA256 } from './sha256.js';

export function fromHex(text) {
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

// Hashes are shown last byte first.
const toBytes = shown => fromHex(shown).reverse();
const toShown = bytes => Array.from(bytes).reverse().map(b => b.toString(16).padStart(2, '0')).join('');

export const hashOf = hex => toShown(doubleSHA256(fromHex(hex)));

function node(left, right) {
  const both = new Uint8Array(64);
  both.set(left);
  both.set(right, 32);
  return doubleSHA256(both);
}

const same = (a, b) => a.every((v, i) => v === b[i]);

// merkleRoot leads from an ID upwards and returns the root that it comes to, or
// null for a path that no honest list has: one of another length, or with a
// node that equals its sibling where the tree does not duplicate it
// (CVE-2012-2459).
export function merkleRoot(id, index, count, siblings) {
  let depth = 0;
  for (let n = count; n > 1; n = Math.ceil(n / 2)) depth++;
  if (index >= count || siblings.length !== depth) return null;
  let at = toBytes(id);
  for (const shown of siblings) {
    const sibling = toBytes(shown), alone = index === count - 1 && count % 2 === 1;
    if (same(at, sibling) !== alone) return null;
    at = index % 2 ? node(sibling, at) : node(at, sibling);
    index = Math.floor(index / 2);
    count = Math.ceil(count / 2);
  }
  return toShown(at);
}

// target turns the compact form into the number that a hash may not exceed.
function target(bits) {
  if (bits & 0x800000) return 0n; // a sign
  const mantissa = BigInt(bits & 0x7fffff), exponent = bits >>> 24;
  return exponent <= 3 ? mantissa >> BigInt(8 * (3 - exponent)) : mantissa << BigInt(8 * (exponent - 3));
}

// readHeader takes 80 bytes apart, so that nothing else that the node says
// about them is relied on.
export function readHeader(raw) {
  if (raw.length !== 160) throw new Error('a header has 80 bytes');
  const bytes = fromHex(raw), view = new DataView(bytes.buffer);
  return {
    hash: toShown(doubleSHA256(bytes)), prev: toShown(bytes.slice(4, 36)), merkle: toShown(bytes.slice(36, 68)),
    bits: view.getUint32(72, true),
  };
}

// worked says whether a header's hash is under its own target, and that not
// easier than the network's limit.
export function worked(header, limitBits) {
  const t = target(header.bits);
  return t > 0n && t <= target(limitBits) && BigInt('0x' + header.hash) <= t;
}
