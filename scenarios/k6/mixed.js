// Writes, and readers beside them: wallets that want proofs of what they have
// sent, and explorers that read blocks.
import { check, sleep } from 'k6';
import { arrivals, connect, number, sound } from './lib.js';

const batch = number('BATCH', 50);
const client = connect();
const duration = __ENV.DURATION || '30s';

export const options = {
  scenarios: {
    writes: {
      executor: 'constant-arrival-rate',
      ...arrivals(number('RATE', 1000), batch),
      duration,
      preAllocatedVUs: number('VUS', 20),
      exec: 'writes',
    },
    proofs: { executor: 'constant-vus', vus: number('READERS', 3), duration, exec: 'proofs' },
    blocks: { executor: 'constant-vus', vus: number('READERS', 3), duration, exec: 'blocks' },
  },
  thresholds: {
    ...sound,
    chain_commit_p99: ['value<5000'],
    'checks{scenario:proofs}': ['rate>0.99'],
    'checks{scenario:blocks}': ['rate>0.99'],
  },
};

export async function setup() {
  await client.waitReady();
}

export function writes() {
  client.submitBatch(batch);
}

export async function proofs() {
  const id = client.submit();
  await client.committed(id);
  const proof = await client.proof(id);
  check(proof, { 'the proof is for the transaction': (p) => p.txid === id && p.index < p.count });
  sleep(0.1);
}

export async function blocks() {
  const tip = await client.tip();
  const block = await client.block(Math.max(0, tip.height - Math.floor(Math.random() * 5)));
  check(block, { 'a block has its reward': (b) => b.txs.length >= 1 });
  sleep(0.1);
}
