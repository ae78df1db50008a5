// A few seconds of everything that the module can do.
import { check } from 'k6';
import { connect, number, sound } from './lib.js';

const client = connect({ lanes: 2000 });

export const options = {
  scenarios: {
    smoke: { executor: 'per-vu-iterations', vus: 2, iterations: number('ITERATIONS', 5), maxDuration: '1m' },
  },
  thresholds: {
    ...sound,
    checks: ['rate==1'],
    chain_tx_rejected: ['count<1'],
    chain_commit_p50: [`value<${number('P50', 5000)}`],
  },
};

export async function setup() {
  const tip = await client.waitReady({ timeout: '30s' });
  return { height: tip.height };
}

export default async function (data) {
  const batch = client.submitBatch(50);
  const signed = client.sign(2);
  const id = client.submit(signed[0]);
  client.submit(signed[1]);
  check(batch, { 'a batch is accepted': (b) => b.accepted === 50 && b.ids().length === 50 });
  check(id, { 'a transaction has the ID that it was signed with': (x) => x === signed[0].id });

  const fates = await client.committed(batch);
  check(fates, { 'a batch commits': (f) => f.succeeded === 50 });
  const fate = await client.committed(id);
  check(fate, { 'a transaction commits': (f) => f.fate === 'succeeded' });

  const [tip, proof] = await Promise.all([client.tip(), client.proof(id)]);
  check(proof, { 'a transaction is proved': (p) => p.txid === id && p.block.height > data.height && p.block.height <= tip.height });
  const block = await client.block(proof.block.height);
  check(block, { 'the block holds it': (b) => b.id === proof.block.id && b.txs[proof.index] === id });
}
